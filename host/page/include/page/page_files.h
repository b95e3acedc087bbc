/**
 * The files of the local page, put into the program when it is built (host/page/files, embed.py). All together have at
 * most 40,000 bytes.
 */
#ifndef PAGE_PAGE_FILES_H
#define PAGE_PAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

/** One file. */
struct page_file {
    const char *path; /* as in the URL: "/", "/app.js" */
    const char *type; /* Content-Type */
    const char *etag; /* with its quotes; from its SHA-256 */
    const uint8_t *bytes;
    size_t n_bytes;
};

extern const struct page_file page_files[];
extern const size_t page_n_files;

/** @return the file of this path, NULL if there is none */
const struct page_file *page_file_find(const char *path);

/** Header lines that every reply has, against framing, sniffing, and code from elsewhere. */
struct page_header {
    const char *name, *value;
};
extern const struct page_header page_headers[];
extern const size_t page_n_headers;

#endif
