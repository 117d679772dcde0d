# Writes the C file that holds a text as a string:
#   cmake -DOUT=FILE.c -DNAME=SYMBOL -DTEXT=FILE -P embed_text.cmake
file(READ ${TEXT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REPEAT "0x..," 16 line)
string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "// Made by scripts/embed_text.cmake.\nextern const char ${NAME}[];\n"
  "const char ${NAME}[] = {\n${bytes}0};\n")
