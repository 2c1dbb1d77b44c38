# mpcc has no sockets: it links the compiler and the emulator only.
add_executable(mpcc mpcc.cpp MpccCommon.cpp MpccCompile.cpp MpccOpt.cpp
  MpccPlan.cpp)
target_compile_definitions(mpcc PRIVATE MPCC_VERSION="${PROJECT_VERSION}")
target_link_libraries(mpcc PRIVATE mpcc_flags mpcc_frontend mpcc_passes
  mpcc_backend mpcc_runtime_emu CLI11::CLI11 nlohmann_json::nlohmann_json)
