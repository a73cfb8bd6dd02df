/** Makes a canvas as sharp as the screen and gives what draws on it, in CSS pixels; undefined where nothing can be drawn. */
export function openCanvas(canvas: HTMLCanvasElement, height: number): CanvasRenderingContext2D | undefined {
  const ratio = devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  if (context === null) return undefined;
  context.scale(ratio, ratio);
  context.font = "11px system-ui";
  context.textAlign = "right";
  context.textBaseline = "middle";
  return context;
}
