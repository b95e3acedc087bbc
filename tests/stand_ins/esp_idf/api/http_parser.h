/** Names that esp_http_client.h brings along: port/http.h must not use them. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

enum http_method { HTTP_DELETE = 0, HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 3, HTTP_PUT = 4 };
enum http_parser_type { HTTP_REQUEST, HTTP_RESPONSE, HTTP_BOTH };

#endif
