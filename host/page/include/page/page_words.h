/**
 * What the local page answers in words, the same on Linux and on an ESP32.
 */
#ifndef PAGE_PAGE_WORDS_H
#define PAGE_PAGE_WORDS_H

#include <stddef.h>

enum { PAGE_WORDS_BYTES = 400 };

extern const char page_says_checking[]; /* 202 of /api/check */
extern const char page_says_busy[];     /* 409 of /api/check */

/**
 * The text of an answer in words: {"ok":...,"text":"..."}; ok below 400.
 * @param words  a sentence without quotes; what does not fit is cut
 * @return bytes without the NUL
 */
size_t page_words(unsigned status, const char *words, char out[PAGE_WORDS_BYTES]);

#endif
