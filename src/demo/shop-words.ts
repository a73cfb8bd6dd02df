/** What the shop's rows are made of. Repetition is weight. */
export const FIRST_NAMES: readonly string[] = words(
  `Ada Aisha Akira Alejandro Amara Anders Ángela Anna Antoine Ben Bianca Björn Camila Carlos Chloé Daniel Elif Emma Erik
  Esra Fatima Felix Fiona Giulia Grace Hana Hugo Ines Ivan Jack James Jana João Joel José Julia Kaito Karim Katarzyna
  Lars Lea Leila Liam Lin Lucía Malik Mateo Maya Mei Mia Miguel Nadia Nils Noah Nora Olivia Omar Paula Petra Priya
  Rafael Rosa Ruth Samir Sara Sofía Søren Tariq Thomas Tomás Uma Valeria Victor Wei Yara Yusuf Zoë Zuzana`,
);
export const LAST_NAMES: readonly string[] = words(
  `Abebe Ahmed Almeida Andersen Bauer Becker Berg Bernard Brown Carter Castillo Chen Cohen Costa Díaz Dubois Eriksson
  Evans Ferrari Fischer Fontaine García González Gruber Gupta Haddad Hansen Hernández Hoffmann Ibrahim Ito Ivanova
  Jensen Johnson Kaya Keller Khan Kim Kovač Kumar Larsen Lee Lima López Marino Martin Mbeki Meier Moreau Müller Murphy
  Nakamura Nguyen Novák Nowak O'Brien Okafor Olsen Park Patel Pereira Petrov Popescu Ramos Ricci Rossi Santos Sato
  Schmidt Silva Singh Smith Suzuki Tanaka Taylor Torres Usman Virtanen Wagner Walker Wang Weber Wilson Yılmaz Zhang`,
);
export const COUNTRIES: readonly string[] = words(
  `US US US US US US DE DE DE DE GB GB GB FR FR FR BR BR IN IN JP JP ES ES IT IT CA CA NL PL SE AU MX TR CH AT PT NO KR
  NG ZA AR NZ IE`,
);
export const MAIL_DOMAINS: readonly string[] = ["example.com", "example.com", "example.org", "example.net"];
export const HOBBIES: readonly string[] = words(
  `astronomy baking birdwatching bouldering calligraphy chess cinema climbing cooking cycling dancing drawing fencing
  fishing football gardening gaming guitar hiking juggling kayaking knitting photography piano poetry pottery reading
  rowing running sailing sketching skiing surfing swimming tennis travelling volunteering woodworking yoga`,
);
export const ADJECTIVES: readonly string[] = words(
  `Bright Calm Classic Clever Compact Cosy Crisp Daily Deep Easy Elegant Fine Folding Gentle Grand Handy Light Little
  Lucky Mighty Modern Noble Nordic Plain Portable Prime Quick Quiet Rapid Robust Rustic Sharp Silent Simple Sleek Smart
  Soft Solid Sturdy Sunny Swift Tidy Travel True Urban Vivid Warm Wild`,
);
export const MATERIALS: readonly string[] = words(
  "Aluminium Bamboo Brass Canvas Ceramic Copper Cork Cotton Glass Leather Linen Oak Recycled Silicone Steel Walnut Wool",
);
export const COLOURS: readonly string[] = words(
  "amber black blue brown cream green grey indigo ivory mint navy olive orange pink red sand silver teal violet white",
);
export const TAGS: readonly string[] = words(
  `bestseller eco fragile gift handmade heavy indoor limited new office outdoor premium refurbished sale seasonal small
  summer travel vegan winter`,
);
export const REVIEW_TITLES: readonly (readonly string[])[] = [
  ["Broke at once", "Not as described", "Sent it back", "A waste of money"],
  ["Below expectations", "Too small", "Cheaply made", "Hardly usable"],
  ["Does the job", "All right", "Good, with flaws", "Average"],
  ["Very good", "Well made", "Glad I bought it", "Good value"],
  ["Perfect", "Buying another", "Best of its kind", "Exceeded all hopes"],
];
export const REVIEW_SENTENCES: readonly string[] = [
  "It arrived two days early.",
  "The parcel was dented, the content was not.",
  "I use it every day.",
  "My neighbour has ordered one as well.",
  "The colour is a little darker than in the picture.",
  "It feels heavier than it looks.",
  "The manual could be clearer.",
  "After three months it is still like new.",
  "It was a present, and a welcome one.",
  "For the price there is nothing better.",
  "I expected more of it.",
  "Support answered within the hour.",
  "It fits exactly where I wanted it.",
  "I would have liked a larger size.",
];

/** Categories of the shop: each leaf with the nouns its products are named by. */
export const CATEGORIES: readonly {
  readonly name: string;
  readonly leaves: readonly { readonly name: string; readonly nouns: readonly string[] }[];
}[] = [
  {
    name: "Kitchen",
    leaves: [
      { name: "Cookware", nouns: ["Pan", "Pot", "Wok", "Casserole"] },
      { name: "Tableware", nouns: ["Bowl", "Plate", "Mug", "Carafe"] },
      { name: "Coffee and tea", nouns: ["Grinder", "Teapot", "Kettle", "Dripper"] },
    ],
  },
  {
    name: "Living",
    leaves: [
      { name: "Lighting", nouns: ["Lamp", "Lantern", "Pendant"] },
      { name: "Furniture", nouns: ["Chair", "Stool", "Shelf", "Side Table"] },
      { name: "Textiles", nouns: ["Blanket", "Cushion", "Rug", "Curtain"] },
    ],
  },
  {
    name: "Office",
    leaves: [
      { name: "Stationery", nouns: ["Notebook", "Pen", "Planner"] },
      { name: "Desk", nouns: ["Organiser", "Monitor Stand", "Desk Mat"] },
      { name: "Electronics", nouns: ["Keyboard", "Headphones", "Charger", "Speaker"] },
    ],
  },
  {
    name: "Outdoors",
    leaves: [
      { name: "Camping", nouns: ["Tent", "Stove", "Hammock"] },
      { name: "Cycling", nouns: ["Helmet", "Pannier", "Bell"] },
      { name: "Garden", nouns: ["Planter", "Trowel", "Watering Can"] },
    ],
  },
  {
    name: "Travel",
    leaves: [
      { name: "Bags", nouns: ["Backpack", "Tote", "Suitcase", "Wallet"] },
      { name: "Accessories", nouns: ["Bottle", "Umbrella", "Neck Pillow"] },
    ],
  },
  {
    name: "Play",
    leaves: [
      { name: "Games", nouns: ["Puzzle", "Chess Set", "Dice Tower"] },
      { name: "Music", nouns: ["Ukulele", "Metronome", "Harmonica"] },
    ],
  },
];

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
