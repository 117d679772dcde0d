# Writes the C file with the names of emoji, from Unicode's emoji-test.txt (Debian: unicode-data):
#   cmake -DOUT=FILE.c -DNAMES=emoji-test.txt -P emoji_names.cmake
# Without that file the list is empty. Skin tones and variation selectors are left out: a name is
# that of the emoji without them.
set(rows "")
if(EXISTS "${NAMES}")
  file(STRINGS "${NAMES}" lines ENCODING UTF-8 REGEX "; fully-qualified ")
  foreach(line IN LISTS lines)
    if(line MATCHES "^([0-9A-F ]+).*# [^ ]+ E[0-9.]+ (.+)$")
      set(points "${CMAKE_MATCH_1}")
      set(name "${CMAKE_MATCH_2}")
      string(REGEX REPLACE " *FE0F" "" points "${points}")
      string(STRIP "${points}" points)
      if(NOT name MATCHES "skin tone")
        string(APPEND rows "    {\"${points}\", \"${name}\"},\n")
      endif()
    endif()
  endforeach()
endif()
file(WRITE ${OUT} "// Made by scripts/emoji_names.cmake.\n#include \"media/emoji_names.h\"\n
const nca_emoji_row nca_emoji_rows[] = {\n${rows}    {0},\n};\n")
