# console_assets(out FILE PATH TYPE FILE PATH TYPE ..): writes sources that hold the files.
#
# For each FILE (relative to the repository) a gzip copy is made, an assembler file takes both in by
# .incbin, and a table (assets.h) names the PATH each is served at and its TYPE. `out` receives the
# sources to compile. The files are dependencies: a change of one compiles it in again.

find_program(gzip_path gzip REQUIRED)

function(console_assets out)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/assets)
  file(MAKE_DIRECTORY ${folder})
  set(assembler "  .section .rodata\n")
  set(declarations "")
  set(rows "")
  set(dependencies "")
  set(index 0)
  while(ARGN)
    list(POP_FRONT ARGN file path type)
    if(type MATCHES "^text/")
      string(APPEND type "; charset=utf-8")
    endif()
    set(source ${CMAKE_SOURCE_DIR}/${file})
    set(compressed ${folder}/${index}.gz)
    add_custom_command(OUTPUT ${compressed} DEPENDS ${source} VERBATIM
      COMMAND ${gzip_path} -9 -n -c ${source} > ${compressed})
    list(APPEND dependencies ${source} ${compressed})
    foreach(form content compressed)
      set(symbol keywright_asset_${index}_${form})
      if(form STREQUAL content)
        set(taken ${source})
      else()
        set(taken ${compressed})
      endif()
      string(APPEND assembler "  .global ${symbol}, ${symbol}_end\n  .balign 16\n${symbol}:\n"
        "  .incbin \"${taken}\"\n${symbol}_end:\n")
      string(APPEND declarations "extern const char ${symbol}[], ${symbol}_end[];\n")
    endforeach()
    set(symbol keywright_asset_${index})
    string(APPEND rows "    {\"${path}\", \"${type}\",\n"
      "     {${symbol}_content, ${symbol}_content_end},\n"
      "     {${symbol}_compressed, ${symbol}_compressed_end}},\n")
    math(EXPR index "${index} + 1")
  endwhile()
  string(APPEND assembler "  .section .note.GNU-stack,\"\",%progbits\n")
  file(CONFIGURE OUTPUT ${folder}/files.S CONTENT "${assembler}" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/table.cc @ONLY CONTENT
"#include \"console/assets.h\"

#include <array>

extern \"C\" {
${declarations}}

namespace keywright::console {

std::span<const Asset> all_assets() {
  static const std::array<Asset, ${index}> assets{{
${rows}  }};
  return assets;
}

}  // namespace keywright::console
")
  set_source_files_properties(${folder}/files.S PROPERTIES OBJECT_DEPENDS "${dependencies}")
  set(${out} ${folder}/files.S ${folder}/table.cc PARENT_SCOPE)
endfunction()
