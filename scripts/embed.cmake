# Writes the C file that holds the parts of the pages:
#   cmake -DOUT=FILE.c -DPARTS=KIND:PAGES:FILE,... -P embed.cmake
# KIND is one of report/parts.h, in small letters; PAGES is runs, study or both. The page's security
# policy knows its styles and scripts by their SHA-256, so that nothing else runs in it.
function(to_base64 hex out)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  string(APPEND hex 00)   # 32 bytes are ten groups of three, and two that want a third
  foreach(at RANGE 0 60 6)
    string(SUBSTRING ${hex} ${at} 6 group)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${group} >> ${shift}) & 63")
      string(SUBSTRING ${alphabet} ${digit} 1 letter)
      string(APPEND text ${letter})
    endforeach()
  endforeach()
  string(REGEX REPLACE ".$" "=" text ${text})
  set(${out} ${text} PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(number 0)
string(REPLACE "," ";" parts "${PARTS}")
foreach(part ${parts})
  string(REGEX MATCH "^([a-z]+):([a-z]+):(.*)$" whole "${part}")
  string(TOUPPER ${CMAKE_MATCH_1} kind)
  string(TOUPPER ${CMAKE_MATCH_2} pages)
  file(READ ${CMAKE_MATCH_3} text)
  # A source map would be asked for beside the page, where there is none.
  string(REGEX REPLACE "(//|/[*])# sourceMappingURL=[^\n]*" "" text "${text}")
  string(SHA256 hash "${text}")
  to_base64(${hash} hash)
  string(HEX "${text}" bytes)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REPEAT "0x..," 16 line)
  string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char part${number}[] = {\n${bytes}};\n")
  string(APPEND rows "    {NCA_PART_${kind}, NCA_PAGE_OF_${pages}, part${number}, "
    "sizeof part${number}, \"${hash}\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Made by scripts/embed.cmake.\n#include \"report/parts.h\"\n\n${arrays}
const nca_page_part nca_page_parts[] = {\n${rows}    {0, 0, NULL, 0, NULL},\n};\n")
