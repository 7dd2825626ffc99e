# The engine against diffusers: tests/reference/make.py recorded what models/NAME gives, expected/NAME holds it.
set(golden ${CMAKE_CURRENT_SOURCE_DIR}/golden)
add_executable(test_golden_checkpoint golden/checkpoint_test.c golden/cases.c golden/measure.c)
target_link_libraries(test_golden_checkpoint PRIVATE atelier_engine atelier_image PkgConfig::jansson PkgConfig::cmocka m)
target_include_directories(test_golden_checkpoint PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine)

# golden_test(NAME EXPECTED MODEL [VARIANT [TOKENIZER_DIR [LORA_DIR]]])
function(golden_test name expected model)
  add_test(NAME golden_${name}
    COMMAND test_golden_checkpoint ${golden}/models/${model} ${golden}/expected/${expected} ${ARGN})
  set_tests_properties(golden_${name} PROPERTIES TIMEOUT 600)
endfunction()

foreach(name sd1 sd1_old sd2 lcm sdxs sdxl odd_layers odd_scales)
  golden_test(${name} ${name} ${name})
endforeach()
foreach(name sdturbo sdxlturbo)
  golden_test(${name} ${name} ${name} fp16)
endforeach()
golden_test(sd1_file sd1_old sd1_file/model.safetensors - ${golden}/models/sd1_file)
golden_test(sd2_file sd2_file sd2_file/model.safetensors - ${golden}/models/sd2_file)
golden_test(sdxl_file sdxl_file sdxl_file/model.safetensors - ${golden}/models/sdxl_file)

foreach(name sd1 sdxl)
  golden_test(${name}_lora ${name}_lora ${name} - - ${golden}/models/loras/${name})
endforeach()

add_executable(test_golden_threads golden/threads_test.c golden/cases.c)
target_link_libraries(test_golden_threads PRIVATE atelier_engine atelier_image PkgConfig::jansson PkgConfig::cmocka m)
target_include_directories(test_golden_threads PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine)
add_test(NAME golden_threads COMMAND test_golden_threads ${golden}/models ${golden}/expected)

add_executable(test_golden_precision golden/precision_test.c golden/cases.c)
target_link_libraries(test_golden_precision PRIVATE atelier_engine atelier_image PkgConfig::jansson PkgConfig::cmocka m)
target_include_directories(test_golden_precision PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine)
add_test(NAME golden_precision COMMAND test_golden_precision ${golden}/models ${golden}/expected)
set_tests_properties(golden_precision PROPERTIES TIMEOUT 600)

add_executable(test_golden_damage golden/damage_test.c)
target_link_libraries(test_golden_damage PRIVATE atelier_engine PkgConfig::cmocka)
target_include_directories(test_golden_damage PRIVATE ${PROJECT_SOURCE_DIR}/engine)
add_test(NAME golden_damage COMMAND test_golden_damage $<TARGET_FILE:atelier> ${golden}/models/sd1)
set_tests_properties(golden_threads golden_damage PROPERTIES TIMEOUT 600)

add_executable(test_golden_savings golden/savings_test.c golden/cases.c)
target_link_libraries(test_golden_savings PRIVATE atelier_engine atelier_image PkgConfig::jansson PkgConfig::cmocka m)
target_include_directories(test_golden_savings PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine)
add_test(NAME golden_savings COMMAND test_golden_savings ${golden}/models ${golden}/expected)
set_tests_properties(golden_savings PROPERTIES TIMEOUT 600)
