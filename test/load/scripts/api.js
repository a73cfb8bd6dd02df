import http from "k6/http";

const { post } = http;

export class Api {
  #base;
  constructor(base, token) {
    this.#base = base;
    this.token = token;
  }

  in(name) {
    return post(`${this.#base}/login`, JSON.stringify({ name }), { headers: { Authorization: this.token } });
  }

  out() {
    return http.del(`${this.#base}/login`, null, { headers: { Authorization: this.token } });
  }
}

export function login(api, name) {
  const reply = api.in(name);
  return reply;
}
