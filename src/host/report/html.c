// A page, put together: policy, styles, markup, data, modules, scripts.
#include "report/html.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/files.h"

// A page while it is written; after a failure nothing more is.
typedef struct writing {
    int page;   // of which kind
    const char *title;
    nca_output *output;
    nca_status status;
    nca_error *error;
} writing;

static const nca_page_part *skip_others(const writing *to, const nca_page_part *part)
{
    while (part->kind && !(part->pages & to->page))
        part++;
    return part;
}

static const nca_page_part *first_part(const writing *to)
{
    return skip_others(to, nca_page_parts);
}

static const nca_page_part *next_part(const writing *to, const nca_page_part *part)
{
    return skip_others(to, part + 1);
}

static void put(writing *to, const void *bytes, size_t size_bytes)
{
    if (to->status == NCA_OK)
        to->status = nca_output_write(to->output, bytes, size_bytes, to->error);
}

static void put_text(writing *to, const char *text)
{
    put(to, text, strlen(text));
}

// Text for markup: no character of it opens or closes anything.
static void put_escaped(writing *to, const unsigned char *text, size_t size_bytes)
{
    for (size_t i = 0, from = 0; i <= size_bytes; i++) {
        const char *entity = i == size_bytes  ? ""
                             : text[i] == '<' ? "&lt;"
                             : text[i] == '>' ? "&gt;"
                             : text[i] == '&' ? "&amp;"
                                              : NULL;
        if (!entity)
            continue;
        put(to, text + from, i - from);
        put_text(to, entity);
        from = i + 1;
    }
}

static bool is_script(const nca_page_part *part)
{
    return part->kind == NCA_PART_CHARTS || part->kind == NCA_PART_SCRIPT;
}

static bool is_module(const nca_page_part *part)
{
    return part->kind == NCA_PART_MODULE || part->kind == NCA_PART_VECTOR_MODULE;
}

static bool has_module(const writing *to)
{
    for (const nca_page_part *part = first_part(to); part->kind; part = next_part(to, part))
        if (is_module(part))
            return true;
    return false;
}

static void put_hashes(writing *to, const char *directive, bool of_scripts)
{
    put_text(to, directive);
    for (const nca_page_part *part = first_part(to); part->kind; part = next_part(to, part))
        if (of_scripts ? is_script(part) : part->kind == NCA_PART_STYLE) {
            put_text(to, " 'sha256-");
            put_text(to, part->hash);
            put_text(to, "'");
        }
    if (of_scripts && has_module(to))
        put_text(to, " 'wasm-unsafe-eval'");   // compiles modules, and nothing else
    put_text(to, ";");
}

// Nothing may be loaded, sent or run but what stands in the page and is known by its hash.
static void put_head(writing *to)
{
    put_text(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';");
    put_hashes(to, " script-src", true);
    put_hashes(to, " style-src", false);
    put_text(to, " img-src data:; base-uri 'none'; form-action 'none'\">\n"
                 "<meta name=\"referrer\" content=\"no-referrer\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<title>");
    put_escaped(to, (const unsigned char *)to->title, strlen(to->title));
    put_text(to, "</title>\n");
}

static void put_element(writing *to, const char *name, const nca_page_part *part)
{
    put_text(to, "<");
    put_text(to, name);
    put_text(to, ">");
    put(to, part->bytes, part->size_bytes);
    put_text(to, "</");
    put_text(to, name);
    put_text(to, ">\n");
}

// The data: ASCII, and no '<' that could end the element it stands in.
static int put_json(const char *text, size_t size_bytes, void *context)
{
    writing *to = context;
    for (size_t i = 0, from = 0; i <= size_bytes; i++)
        if (i == size_bytes || text[i] == '<') {
            put(to, text + from, i - from);
            if (i < size_bytes)
                put_text(to, "\\u003c");
            from = i + 1;
        }
    return to->status == NCA_OK ? 0 : -1;
}

static void put_data(writing *to, const json_t *data)
{
    put_text(to, "<script type=\"application/json\" id=\"data\">");
    if (json_dump_callback(data, put_json, to,
                           JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(5)) != 0 &&
        to->status == NCA_OK)
        to->status = nca_fail(to->error, NCA_MEMORY, "the page: no memory for its data");
    put_text(to, "</script>\n");
}

// Deflated, as base64.
static void put_deflated(writing *to, const nca_page_part *part)
{
    uLongf size_bytes = compressBound((uLong)part->size_bytes);
    uint8_t *bytes = malloc(size_bytes);
    char *text = malloc((size_bytes + 2) / 3 * 4);
    if (bytes && text &&
        compress2(bytes, &size_bytes, part->bytes, (uLong)part->size_bytes, 9) == Z_OK)
        put(to, text, (size_t)(nca_base64_encode(bytes, size_bytes, text) - text));
    else if (to->status == NCA_OK)
        to->status = nca_fail(to->error, NCA_MEMORY, "the page: no memory for its module");
    free(bytes);
    free(text);
}

// Data to the browser: a script of a type that it does not run.
static void put_module(writing *to, const nca_page_part *part)
{
    put_text(to, "<script type=\"application/wasm\" id=\"");
    put_text(to, part->kind == NCA_PART_VECTOR_MODULE ? "vector-module\">" : "module\">");
    put_deflated(to, part);
    put_text(to, "</script>\n");
}

static void put_page(writing *to, const json_t *data)
{
    put_head(to);
    for (const nca_page_part *part = first_part(to); part->kind; part = next_part(to, part))
        if (part->kind == NCA_PART_STYLE)
            put_element(to, "style", part);
    put_text(to, "</head>\n<body>\n");
    for (const nca_page_part *part = first_part(to); part->kind; part = next_part(to, part))
        if (part->kind == NCA_PART_BODY) {
            put(to, part->bytes, part->size_bytes);
        } else if (part->kind == NCA_PART_LICENCE) {
            put_text(to, "<pre id=\"licence\" hidden>");
            put_escaped(to, part->bytes, part->size_bytes);
            put_text(to, "</pre>\n");
        }
    put_data(to, data);
    for (const nca_page_part *part = first_part(to); part->kind; part = next_part(to, part))
        if (is_module(part))
            put_module(to, part);
        else if (is_script(part))
            put_element(to, "script", part);
    put_text(to, "</body>\n</html>\n");
}

nca_status nca_html_write(const char *path, int page, const char *title, const json_t *data,
                          nca_error *error)
{
    writing to = {.page = page, .title = title, .error = error};
    to.status = nca_output_open(path, &to.output, error);
    if (to.status == NCA_OK)
        put_page(&to, data);
    if (to.status == NCA_OK)
        return nca_output_commit(to.output, error);
    nca_output_abandon(to.output);
    return to.status;
}

bool nca_page_has_charts(void)
{
    for (const nca_page_part *part = nca_page_parts; part->kind; part++)
        if (part->kind == NCA_PART_CHARTS)
            return true;
    return false;
}
