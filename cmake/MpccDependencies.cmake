# What only the compiler needs. Order matters: ONNX refers to protobuf's targets.
find_package(LLVM 19.1 REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

llvm_map_components_to_libnames(llvm_libs Support)
add_library(mpcc_llvm INTERFACE)
target_include_directories(mpcc_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_compile_definitions(mpcc_llvm INTERFACE ${LLVM_DEFINITIONS})
target_link_libraries(mpcc_llvm INTERFACE ${llvm_libs})
