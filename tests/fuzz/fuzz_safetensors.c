// Hostile safetensors: what the parser accepts has to keep what it promises.
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

// Reads every byte of a tensor, which ASan watches.
static void touch(const nca_tensor *tensor)
{
    static volatile unsigned char sum;
    for (size_t i = 0; i < tensor->size_bytes; i++)
        sum = sum ^ ((const unsigned char *)tensor->data)[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nca_tensors tensors;
    nca_error error = {0};
    if (nca_tensors_parse(bytes, size, "fuzz", &tensors, &error) != NCA_OK) {
        require(error.message[0] != 0 && strncmp(error.message, "fuzz: ", 6) == 0);
        return 0;
    }
    size_t total = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        const nca_tensor *tensor = &tensors.tensor[i];
        size_t elements = 1;
        for (int axis = 0; axis < tensor->axes; axis++)
            elements *= (size_t)tensor->shape[axis];
        require(elements == tensor->elements);
        const size_t bytes = nca_dtypes[tensor->dtype].bytes;   // of NCA_OTHER, not known
        if (bytes > 0) {
            require(tensor->size_bytes == elements * bytes);
            require((uintptr_t)tensor->data % bytes == 0);
        }
        require(nca_tensors_find(&tensors, tensor->name) == tensor);
        touch(tensor);
        total += tensor->size_bytes;
    }
    require(total < size);   // they lie in the file without overlap
    for (size_t i = 0; i < tensors.metadata_count; i++)
        require(nca_tensors_metadata(&tensors, tensors.metadata[i].key) != NULL);
    nca_tensors_free(&tensors);
    return 0;
}
