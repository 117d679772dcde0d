// Text in UTF-8, which file names need not be.
#ifndef NCA_BASE_TEXT_H
#define NCA_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Bytes of the character that `text` begins with, and its code point; 0 where there is none: a
// stray or missing continuation, an overlong form, a surrogate, beyond U+10FFFF. The end is a
// character of one byte.
size_t nca_text_character(const char *text, uint32_t *point);

// As much of `from` as fits, in whole characters; bytes that are not UTF-8 are left out.
void nca_text_copy(char *to, size_t room, const char *from);

// "512 bytes", "27 kB", "3.2 MB", in steps of a thousand.
enum { NCA_SIZE_BYTES = 32 };
void nca_format_size(double size_bytes, char text[NCA_SIZE_BYTES]);

// The name of a file or folder as a shell and a command's options read it back: in quotes where it
// holds what a shell would take for something else, with ./ before a dash. Returns `text`, in which
// as much stands as fits; 8 bytes at the least.
const char *nca_shell_word(const char *word, char *text, size_t size);

// The same in memory of the enclosing block, for a message that says what to run.
enum { NCA_SHELL_BYTES = 4096 };
#define NCA_SHELL_WORD(word) nca_shell_word(word, (char[NCA_SHELL_BYTES]){0}, NCA_SHELL_BYTES)

// Bytes of the byte order mark that a text begins with; 0 where there is none.
size_t nca_text_mark(const char *text);

#endif
