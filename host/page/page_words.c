#include "page/page_words.h"

#include <stdio.h>

const char page_says_checking[] = "The gateway looks for updates now.";
const char page_says_busy[] = "The gateway is at work; it looks for updates again when this is over.";

size_t page_words(unsigned status, const char *words, char out[PAGE_WORDS_BYTES])
{
    int n = snprintf(out, PAGE_WORDS_BYTES, "{\"ok\":%s,\"text\":\"%s\"}", status < 400 ? "true" : "false",
                     words);
    return n < 0 ? 0 : (size_t)n < PAGE_WORDS_BYTES ? (size_t)n : PAGE_WORDS_BYTES - 1U;
}
