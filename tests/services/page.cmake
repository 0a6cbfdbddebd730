hr_add_pytest(services-openapi ARGS ${CMAKE_CURRENT_LIST_DIR}/openapi_test.py LABELS sanitize TIMEOUT 600)
hr_add_pytest(services-v2 ARGS ${CMAKE_CURRENT_LIST_DIR}/v2_test.py LABELS sanitize TIMEOUT 600)
hr_add_pytest(services-page ARGS ${CMAKE_CURRENT_LIST_DIR}/page_test.py TIMEOUT 600)
hr_add_pytest(services-metrics ARGS ${CMAKE_CURRENT_LIST_DIR}/metrics_test.py TIMEOUT 300)
