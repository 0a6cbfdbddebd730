hr_add_pytest(services-openapi ARGS ${CMAKE_CURRENT_LIST_DIR}/openapi_test.py LABELS sanitize TIMEOUT 600)
