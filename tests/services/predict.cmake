foreach(subject predict hygiene server jobs load)
  hr_add_pytest(test-services-${subject} ARGS tests/services/test_${subject}.py LABELS "sanitize;threads" TIMEOUT 600)
endforeach()
hr_add_pytest(services-predict-grpc ARGS tests/services/predict_grpc_test.py LABELS "sanitize;threads" TIMEOUT 600)
hr_add_test(test-infer-message-corpus
  SOURCES ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus_test.c ${PROJECT_SOURCE_DIR}/tests/fuzz/infer_message_fuzzer.c
    ${PROJECT_SOURCE_DIR}/services/predict/infer_message.c ${PROJECT_SOURCE_DIR}/services/predict/infer_parts.c
    ${PROJECT_SOURCE_DIR}/services/predict/infer_tensors.c ${PROJECT_SOURCE_DIR}/services/predict/infer_write.c
    ${PROJECT_SOURCE_DIR}/services/predict/pb_memory.c
  LIBS sv-base sv-predict-proto grabcut-static INCLUDES ${PROJECT_SOURCE_DIR}/services/predict LABELS sanitize)
target_compile_definitions(test-infer-message-corpus PRIVATE CORPUS="infer_message_fuzzer")
hr_add_pytest(services-predict-options ARGS tests/services/predict_options_test.py LABELS sanitize)
# A sanitizer's own memory does not fit into the limit under test.
hr_add_pytest(test-services-memory ARGS tests/services/test_memory.py TIMEOUT 600)
hr_add_pytest(services-hostile-images ARGS tests/services/hostile_images_test.py -k "not cpu" TIMEOUT 600)
hr_add_pytest(services-hostile-images-cpu ARGS tests/services/hostile_images_test.py -k cpu TIMEOUT 900)
hr_add_test(test-services-base
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/flags_test.c ${CMAKE_CURRENT_LIST_DIR}/base64_test.c
    ${CMAKE_CURRENT_LIST_DIR}/json_test.c ${CMAKE_CURRENT_LIST_DIR}/cpus_test.c ${CMAKE_CURRENT_LIST_DIR}/metrics_test.c
  LIBS sv-base LABELS sanitize)

if(HR_BUILD_OPENCV) # what -DHR_PREDICT_OPENCV=ON builds, beside the one without
  hr_add_predict(headerroute-predict-opencv OPENCV)
  hr_add_pytest(test-services-engines ARGS tests/services/test_engines.py LABELS sanitize)
endif()
