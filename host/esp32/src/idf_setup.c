/* The form of the first start on esp_http_server. */
#include "fota_gateway/fota_gateway_setup.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "esp_timer.h"
#include "idf_form.h"
#include "idf_serve.h"
#include "idf_settings.h"
#include "page/page_files.h"

enum { MAGIC = 0x53657475, BODY_BYTES = 2048, BODY_S = 10, US_PER_S = 1000000 };

struct inside {
    uint32_t magic; /* it serves */
    struct idf_log log;
    const char *space;
    httpd_handle_t server;
    atomic_bool is_done;
    char
        stamp[IDF_FORM_STAMP_CHARS + 1]; /* in each form that this server gives out: no other page knows it */
    struct idf_form form;                /* the server's task only, as all below */
    httpd_req_t *request;
    esp_err_t result; /* of sending */
    size_t n_text;
    char text[BODY_BYTES + 1]; /* headers of a request, then its body, then the pieces of the reply */
};
_Static_assert(sizeof(struct inside) <= sizeof(struct fota_gateway_setup),
               "enlarge FOTA_GATEWAY_SETUP_BYTES");

static struct inside *in(struct fota_gateway_setup *setup)
{
    return (struct inside *)(void *)setup->opaque;
}

/* --- replies --------------------------------------------------------------------------------------------------------- */

static void flush(struct inside *s)
{
    if (s->result == ESP_OK && s->n_text > 0) {
        s->result = httpd_resp_send_chunk(s->request, s->text, (ssize_t)s->n_text);
    }
    s->n_text = 0;
}

/* Pieces are collected, so that a page is a few packets. */
static void put(void *ctx, const char *bytes, size_t n_bytes)
{
    struct inside *s = ctx;
    while (n_bytes > 0) {
        const size_t n_room = sizeof s->text - s->n_text;
        const size_t n = n_bytes < n_room ? n_bytes : n_room;
        memcpy(s->text + s->n_text, bytes, n);
        s->n_text += n;
        bytes += n;
        n_bytes -= n;
        if (s->n_text == sizeof s->text) {
            flush(s);
        }
    }
}

static struct idf_form_out begin(struct inside *s, httpd_req_t *r, unsigned status)
{
    s->request = r;
    s->n_text = 0;
    s->result = idf_serve_head(r, status, "text/html; charset=utf-8", (struct page_header){NULL, NULL}, true);
    return (struct idf_form_out){.put = put, .ctx = s};
}

static esp_err_t end(struct inside *s)
{
    flush(s);
    return s->result == ESP_OK ? httpd_resp_send_chunk(s->request, NULL, 0) : s->result;
}

static esp_err_t send_words(struct inside *s, httpd_req_t *r, unsigned status, const char *words)
{
    const struct idf_form_out out = begin(s, r, status);
    idf_form_write_words(words, &out);
    return end(s);
}

static esp_err_t send_form(struct inside *s, httpd_req_t *r, unsigned status)
{
    const struct idf_form_out out = begin(s, r, status);
    idf_form_write(&s->form, s->stamp, &out);
    return end(s);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* @return 0, or the status of a refusal */
static unsigned receive(struct inside *s, httpd_req_t *r)
{
    const int64_t until_us = esp_timer_get_time() + (int64_t)BODY_S * US_PER_S;
    size_t n = 0;
    if (r->content_len > BODY_BYTES) {
        return 413;
    }
    while (n < r->content_len) {
        const int got = httpd_req_recv(r, s->text + n, r->content_len - n);
        if (got <= 0 || esp_timer_get_time() > until_us) {
            return 408;
        }
        n += (size_t)got;
    }
    return 0;
}

static bool is_stamped(const struct inside *s)
{
    unsigned differs = 0;
    for (size_t i = 0; i < sizeof s->stamp; i++) {
        differs |= (unsigned)(unsigned char)(s->stamp[i] ^ s->form.stamp[i]);
    }
    return differs == 0;
}

static esp_err_t save(struct inside *s, httpd_req_t *r)
{
    const unsigned status = receive(s, r);
    if (status) {
        (void)send_words(s, r, status,
                         status == 413 ? "The form is too long. Nothing was saved."
                                       : "The form came only in part. Nothing was saved.");
        return ESP_FAIL; /* what is left of the body must not be taken for a request */
    }
    idf_form_read(&s->form, s->text, r->content_len);
    memset(s->text, 0, sizeof s->text);
    if (!is_stamped(s)) {
        memset(&s->form, 0, sizeof s->form);
        return send_words(s, r, 403,
                          "This form is not from here, or from before a restart. Nothing was saved.");
    }
    if (s->form.n_wrong > 0) {
        memset(s->form.value.wifi_password, 0, sizeof s->form.value.wifi_password);
        return send_form(s, r, 422);
    }
    const int err = fota_gateway_settings_save(s->space, &s->form.value);
    memset(s->form.value.wifi_password, 0, sizeof s->form.value.wifi_password);
    if (err) {
        return send_words(s, r, 500,
                          "The settings cannot be saved: the console says why. Nothing was changed.");
    }
    const struct idf_form_out out = begin(s, r, 200);
    idf_form_write_saved(&s->form.value, &out);
    const esp_err_t sent = end(s);
    atomic_store(&s->is_done, true);
    return sent;
}

/* An address in figures: a name that somebody else made point here is not one. */
static bool is_address(const char *host)
{
    return host && host[0] && strspn(host, "0123456789.:[]abcdefABCDEF") == strlen(host) &&
           strpbrk(host, "0123456789");
}

static bool is_from_here(const char *host, const char *origin, const char *site)
{
    const bool is_site_right = !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    return is_site_right &&
           (!origin || (strncmp(origin, "http://", 7) == 0 && strcmp(origin + 7, host) == 0));
}

static esp_err_t on_request(httpd_req_t *r)
{
    struct inside *s = r->user_ctx;
    struct idf_head h = {.request = r, .out = s->text, .n_left = sizeof s->text};
    const char *path = idf_head_path(&h);
    const char *host = idf_head_take(&h, "Host");
    const char *origin = idf_head_take(&h, "Origin");
    const char *site = idf_head_take(&h, "Sec-Fetch-Site");
    const char *known_etag = idf_head_take(&h, "If-None-Match");
    const bool is_form = strcmp(path, "/") == 0;
    const struct page_file *file = is_form ? NULL : page_file_find(path);
    const bool is_post = r->method == HTTP_POST;
    if (!is_address(host)) {
        (void)send_words(s, r, 403, "Open this page under its address in figures, as http://192.168.4.1/.");
    } else if (!is_post && file) {
        return r->content_len == 0 ? idf_serve_file(r, file, known_etag) : ESP_FAIL;
    } else if (!is_form) {
        (void)send_words(s, r, 404, "There is nothing at this address.");
    } else if (!is_post) {
        return r->content_len == 0 ? send_form(s, r, 200) : ESP_FAIL;
    } else if (!is_from_here(host, origin, site)) {
        (void)send_words(s, r, 403, "This form comes from another site. Nothing was saved.");
    } else if (atomic_load(&s->is_done)) {
        (void)send_words(s, r, 409, "The settings were saved already, and the gateway restarts.");
    } else {
        return save(s, r);
    }
    return r->content_len == 0 ? ESP_OK : ESP_FAIL;
}

/* --- start and end --------------------------------------------------------------------------------------------------- */

int fota_gateway_setup_start(struct fota_gateway_setup *setup, const struct fota_gateway_setup_config *config)
{
    struct inside *s = in(setup);
    if (s->magic == (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    memset(s, 0, sizeof *s);
    if (!idf_settings_is_space(config->nvs_namespace, &s->log)) {
        return (int)E_ARG;
    }
    s->space = config->nvs_namespace;
    if (config->first) {
        s->form.value = *config->first;
        memset(s->form.value.wifi_password, 0, sizeof s->form.value.wifi_password);
    }
    idf_settings_draw(s->stamp, IDF_FORM_STAMP_CHARS);
    if (idf_serve_start(&s->server, config->port, on_request, s, &s->log) != ESP_OK) {
        return (int)E_IO;
    }
    s->magic = (uint32_t)MAGIC;
    return 0;
}

bool fota_gateway_setup_is_done(struct fota_gateway_setup *setup)
{
    return in(setup)->magic == (uint32_t)MAGIC && atomic_load(&in(setup)->is_done);
}

int fota_gateway_setup_stop(struct fota_gateway_setup *setup)
{
    struct inside *s = in(setup);
    if (s->magic != (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    if (httpd_stop(s->server) != ESP_OK) {
        idf_log(&s->log, 'W', "the form's server was gone already");
    }
    s->magic = 0;
    return 0;
}
