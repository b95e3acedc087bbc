/** The form of the first start: what it asks, what is right, and how it is written as HTML. No I/O. */
#ifndef IDF_FORM_H
#define IDF_FORM_H

#include "fota_gateway/fota_gateway_setup.h"

enum { IDF_FORM_FIELDS = 7, IDF_FORM_STAMP_CHARS = 16 };

/** A form that was filled in. */
struct idf_form {
    struct fota_gateway_settings value;
    const char *wrong[IDF_FORM_FIELDS]; /* a sentence for each field that is not right, else NULL */
    unsigned n_wrong;
    bool is_open;                         /* it was ticked that the network has no password */
    char stamp[IDF_FORM_STAMP_CHARS + 1]; /* that it came with */
};

/**
 * Read a body of application/x-www-form-urlencoded, and check each field.
 * @param body  has room for one more byte, and is changed
 */
void idf_form_read(struct idf_form *form, char *body, size_t n_bytes);

/** Are these settings as the form wants them? */
bool idf_form_is_right(const struct fota_gateway_settings *settings);

/** Where the HTML goes, piece by piece. */
struct idf_form_out {
    void (*put)(void *ctx, const char *bytes, size_t n_bytes);
    void *ctx;
};

/** The form, with what was filled in but for the password, and what is wrong beside each field. */
void idf_form_write(const struct idf_form *form, const char *stamp, const struct idf_form_out *out);

/** The page that says that it was saved. */
void idf_form_write_saved(const struct fota_gateway_settings *settings, const struct idf_form_out *out);

/** A page that says only this. */
void idf_form_write_words(const char *words, const struct idf_form_out *out);

#endif
