// What libnca.so exports: the declarations that NCA_API stands before, and nothing else.
#ifndef NCA_API_H
#define NCA_API_H

#if defined(__GNUC__)
#define NCA_API __attribute__((visibility("default")))
#else
#define NCA_API
#endif

#endif
