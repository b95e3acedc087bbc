#include "page/page_files.h"

#include <string.h>

/* No inline code or style, nothing from another host, no frame around the page. */
const struct page_header page_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
     "'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};
const size_t page_n_headers = sizeof page_headers / sizeof page_headers[0];

const struct page_file *page_file_find(const char *path)
{
    for (size_t i = 0; i < page_n_files; i++) {
        if (strcmp(page_files[i].path, path) == 0) {
            return &page_files[i];
        }
    }
    return NULL;
}
