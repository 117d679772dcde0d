// What every page is made of besides its data: styles, markup, scripts and WebAssembly, embedded at
// build time by scripts/embed.cmake, in the order in which they stand in the page.
#ifndef NCA_REPORT_PARTS_H
#define NCA_REPORT_PARTS_H

#include <stddef.h>

// Which pages a part is of, as a sum.
enum {
    NCA_PAGE_OF_RUNS = 1,
    NCA_PAGE_OF_STUDY = 2,
    NCA_PAGE_OF_RULES = 4,
    NCA_PAGE_OF_REPORTS = NCA_PAGE_OF_RUNS | NCA_PAGE_OF_STUDY,
    NCA_PAGE_OF_LIVING = NCA_PAGE_OF_RUNS | NCA_PAGE_OF_RULES,   // where a rule runs in the page
    NCA_PAGE_OF_ALL = NCA_PAGE_OF_REPORTS | NCA_PAGE_OF_RULES,
};

typedef struct nca_page_part {
    enum {
        NCA_PART_NONE,
        NCA_PART_STYLE,
        NCA_PART_BODY,      // markup
        NCA_PART_LICENCE,   // of the chart library, plain text; only in a build that has it
        NCA_PART_CHARTS,    // the script of that library
        NCA_PART_SCRIPT,
        NCA_PART_MODULE,          // WebAssembly for every browser that has it
        NCA_PART_VECTOR_MODULE,   // the same for those that know vectors
    } kind;
    int pages;
    const unsigned char *bytes;
    size_t size_bytes;
    const char *hash;   // SHA-256, base64; of styles and scripts
} nca_page_part;

// Ended by a part of no kind.
extern const nca_page_part nca_page_parts[];

#endif
