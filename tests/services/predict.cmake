hr_add_pytest(test-services-predict ARGS tests/services/test_predict.py LABELS sanitize threads TIMEOUT 900)
