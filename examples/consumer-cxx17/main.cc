// Uses router.hh: prints the destination of two requests, and the message of rules that are wrong.
#include "router.hh"

#include <iostream>

static const char rules[] = R"(
apiVersion: v1
kind: Service
metadata: {name: models}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: models}
spec:
  hosts: [models]
  http:
    - match: [{headers: {domain: {exact: medical}}}]
      route: [{destination: {host: medical}}]
    - match: [{uri: {prefix: /v1/}}]
      route: [{destination: {host: general}}]
)";

int main() {
    router r(rules);
    std::cout << r.destination("models", "/v1/x", {{"domain", "medical"}}).value_or("none") << '\n'
              << r.destination("models", "/v1/x", {}).value_or("none") << '\n'
              << r.destination("models", "/other", {}).value_or("none") << '\n';
    try {
        router wrong("kind: VirtualService\napiVersion: networking.istio.io/v1\n");
    } catch (const std::runtime_error &e) {
        std::cout << e.what() << '\n';
    }
}
