hr_add_test(test-upstream-parser SOURCES ${CMAKE_CURRENT_LIST_DIR}/upstream_parser_test.c
  LIBS hr-upstream LABELS sanitize)
hr_add_pytest(services-proxy ARGS ${CMAKE_CURRENT_LIST_DIR}/proxy_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-upstream ARGS ${CMAKE_CURRENT_LIST_DIR}/upstream_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-gateway ARGS ${CMAKE_CURRENT_LIST_DIR}/gateway_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-gateway-life ARGS ${CMAKE_CURRENT_LIST_DIR}/gateway_life_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-gateway-policy ARGS ${CMAKE_CURRENT_LIST_DIR}/gateway_policy_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-gateway-tls ARGS ${CMAKE_CURRENT_LIST_DIR}/gateway_tls_test.py LABELS "sanitize;threads" TIMEOUT 300)
hr_add_pytest(services-gateway-websocket ARGS ${CMAKE_CURRENT_LIST_DIR}/gateway_websocket_test.py LABELS "sanitize;threads" TIMEOUT 300)
