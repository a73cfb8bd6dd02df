// k6 load testing script
import http from "k6/http";
import { check, sleep } from "k6";
import { Rate, Trend } from "k6/metrics";
const errorRate = new Rate("errors");
const requestDuration = new Trend("request_duration");
export const options = {
  stages: [
    { duration: "2m", target: 100 }, // Ramp up to 100 users
    { duration: "5m", target: 100 }, // Stay at 100 users
    { duration: "2m", target: 200 }, // Ramp up to 200 users
    { duration: "5m", target: 200 }, // Stay at 200 users
    { duration: "2m", target: 0 }, // Ramp down to 0 users
  ],
  thresholds: {
    errors: ["rate<0.01"], // Error rate < 1%
    request_duration: ["p(95)<500"], // 95% of requests < 500ms
  },
};
export default function () {
  const params = {
    headers: {
      Authorization: "Bearer " + __ENV.API_TOKEN,
      "Content-Type": "application/json",
    },
  };
  // Test user retrieval endpoint
  const userResponse = http.get(`https://api.example.com/users/${Math.floor(Math.random() * 1000)}`, params);
  const userCheck = check(userResponse, {
    "user response status is 200": (r) => r.status === 200,
    "user response time < 500ms": (r) => r.timings.duration < 500,
  });
  errorRate.add(!userCheck);
  requestDuration.add(userResponse.timings.duration);
  sleep(1);
}
