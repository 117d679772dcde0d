// Streams, events, graphs and the launch of kernels. Work on a stream is done when it is queued, in
// plain order; on a stream that captures, it is kept as a closure of the graph, with its arguments
// as they are now, and done at every launch of the graph.
#include "internal.h"

#include <chrono>

typedef std::function<cudaError_t()> work;
typedef std::vector<work> work_list;

struct CUgraph_st {
    work_list nodes;
};
struct CUgraphExec_st {
    work_list nodes;
};
struct CUstream_st {
    int device;
    std::shared_ptr<CUgraph_st> captured;   // null: does not capture
    bool is_origin;                         // where the capture began
    bool invalidated;
    bool global_mode;
    std::shared_ptr<nca_emulator::segment_range> last_launch;
};
struct CUevent_st {
    int device;
    std::chrono::steady_clock::time_point time;
    std::shared_ptr<CUgraph_st> captured;   // of the capture it was recorded in
    bool recorded, timing;
};

namespace nca_emulator
{
namespace
{
CUstream_st default_stream;
std::vector<CUstream_st *> capturing;   // streams, of all captures

CUstream_st *stream_of(cudaStream_t stream)
{
    return stream ? stream : &default_stream;
}

void join_capture(CUstream_st *stream, const std::shared_ptr<CUgraph_st> &graph, bool origin,
                  bool global_mode)
{
    stream->captured = graph;
    stream->is_origin = origin;
    stream->invalidated = false;
    stream->global_mode = global_mode;
    stream->last_launch.reset();
    capturing.push_back(stream);
}

void leave_capture(const std::shared_ptr<CUgraph_st> &graph)
{
    std::vector<CUstream_st *> rest;
    for (CUstream_st *each : capturing) {
        if (each->captured == graph) {
            each->captured.reset();
            each->last_launch.reset();
        } else {
            rest.push_back(each);
        }
    }
    capturing = rest;
}

cudaError_t refuse_capturing(CUstream_st *stream)
{
    if (!stream->captured)
        return cudaSuccess;
    stream->invalidated = true;
    return report(cudaErrorStreamCaptureUnsupported,
                  "a call that waits for a stream, made while the stream captures a graph");
}
}   // namespace

std::shared_ptr<segment_range> &last_launch(cudaStream_t stream)
{
    return stream_of(stream)->last_launch;
}

bool is_capturing(cudaStream_t stream)
{
    return stream_of(stream)->captured != nullptr;
}

// The default stream is that of any device.
cudaError_t check_current(cudaStream_t stream, const char *what)
{
    if (!stream || stream->device == current_device())
        return cudaSuccess;
    return report(cudaErrorInvalidResourceHandle,
                  format("%s: on a stream of device %d while device %d is current", what,
                         stream->device, current_device()));
}

cudaError_t refuse_while_capturing()
{
    for (CUstream_st *each : capturing)
        if (each->global_mode) {
            each->invalidated = true;
            return report(cudaErrorStreamCaptureUnsupported,
                          "an allocation or a blocking call, made while a stream captures a graph");
        }
    return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t stream, work item)
{
    if (broken_context() != cudaSuccess)
        return broken_context();
    CUstream_st *on = stream_of(stream);
    on->last_launch.reset();
    if (on->captured) {
        if (on->invalidated)
            return cudaErrorStreamCaptureInvalidated;
        on->captured->nodes.push_back(std::move(item));
        return cudaSuccess;
    }
    if (!stream && !capturing.empty() && refuse_while_capturing() != cudaSuccess)
        return cudaErrorStreamCaptureImplicit;
    return item();
}
}   // namespace nca_emulator

using namespace nca_emulator;

extern "C" cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned int, int)
{
    if (!stream)
        return done(cudaErrorInvalidValue);
    *stream = new CUstream_st();
    (*stream)->device = current_device();
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags)
{
    return cudaStreamCreateWithPriority(stream, flags, 0);
}

extern "C" cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}

extern "C" cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    if (!stream)
        return done(cudaErrorInvalidResourceHandle);
    if (stream->captured)
        leave_capture(stream->captured);
    delete stream;
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    return done(refuse_capturing(stream_of(stream)));
}

extern "C" cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    return cudaStreamSynchronize(stream);
}

extern "C" cudaError_t cudaDeviceSynchronize(void)
{
    return done(refuse_while_capturing());
}

extern "C" cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *context)
{
    return done(enqueue(stream, [function, context] {
        function(context);
        return cudaSuccess;
    }));
}

// -- Events ---------------------------------------------------------------------------------------
extern "C" cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    if (!event)
        return done(cudaErrorInvalidValue);
    *event = new CUevent_st();
    (*event)->device = current_device();
    (*event)->timing = !(flags & cudaEventDisableTiming);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

extern "C" cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    return done(event ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

extern "C" cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    if (!event)
        return done(cudaErrorInvalidResourceHandle);
    if (stream && stream->device != event->device)
        return done(report(cudaErrorInvalidResourceHandle,
                           format("an event of device %d, recorded on a stream of device %d",
                                  event->device, stream->device)));
    event->captured = stream_of(stream)->captured;
    event->recorded = !event->captured;
    event->time = std::chrono::steady_clock::now();
    return done(cudaSuccess);
}

// A stream that waits for an event of a capture becomes part of that capture.
extern "C" cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int)
{
    if (!event)
        return done(cudaErrorInvalidResourceHandle);
    CUstream_st *on = stream_of(stream);
    if (event->captured && !on->captured)
        join_capture(on, event->captured, false, false);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (!event)
        return done(cudaErrorInvalidResourceHandle);
    return done(event->captured ? cudaErrorCapturedEvent : cudaSuccess);
}

extern "C" cudaError_t cudaEventQuery(cudaEvent_t event)
{
    return cudaEventSynchronize(event);
}

extern "C" cudaError_t cudaEventElapsedTime(float *time_ms, cudaEvent_t start, cudaEvent_t end)
{
    if (!start || !end || !start->recorded || !end->recorded || !start->timing || !end->timing ||
        start->device != end->device)
        return done(cudaErrorInvalidResourceHandle);
    *time_ms = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return done(cudaSuccess);
}

// -- Graphs ---------------------------------------------------------------------------------------
extern "C" cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    if (!stream || stream->captured)
        return done(stream ? cudaErrorStreamCaptureUnmatched : cudaErrorStreamCaptureUnsupported);
    if (check_current(stream, "a capture") != cudaSuccess)
        return done(cudaErrorInvalidResourceHandle);
    join_capture(stream, std::make_shared<CUgraph_st>(), true,
                 mode != cudaStreamCaptureModeRelaxed);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = nullptr;
    if (!stream || !stream->captured || !stream->is_origin)
        return done(cudaErrorStreamCaptureUnmatched);
    const std::shared_ptr<CUgraph_st> made = stream->captured;
    const bool invalidated = stream->invalidated;
    leave_capture(made);
    if (invalidated)
        return done(cudaErrorStreamCaptureInvalidated);
    *graph = new CUgraph_st(*made);
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaStreamIsCapturing(cudaStream_t stream,
                                             enum cudaStreamCaptureStatus *status)
{
    const CUstream_st *on = stream_of(stream);
    *status = !on->captured    ? cudaStreamCaptureStatusNone
              : on->invalidated ? cudaStreamCaptureStatusInvalidated
                                : cudaStreamCaptureStatusActive;
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                            unsigned long long)
{
    if (!graph)
        return done(cudaErrorInvalidValue);
    if (memory_is_full())
        return done(cudaErrorMemoryAllocation);
    *exec = new CUgraphExec_st{graph->nodes};
    return done(cudaSuccess);
}

// As on a device only a graph of as many nodes may take the place; that their kinds agree is not
// checked.
extern "C" cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph,
                                           cudaGraphExecUpdateResultInfo *result)
{
    const bool fits = exec->nodes.size() == graph->nodes.size();
    *result = {fits ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged, nullptr,
               nullptr};
    if (fits)
        exec->nodes = graph->nodes;
    return done(fits ? cudaSuccess : cudaErrorGraphExecUpdateFailure);
}

extern "C" cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count)
{
    *count = graph->nodes.size();
    return done(nodes ? cudaErrorNotSupported : cudaSuccess);
}

extern "C" cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t)
{
    return done(exec ? cudaSuccess : cudaErrorInvalidValue);
}

extern "C" cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    if (!exec)
        return done(cudaErrorInvalidValue);
    if (check_current(stream, "a graph") != cudaSuccess)
        return done(cudaErrorInvalidResourceHandle);
    // Copied, so that a graph may be destroyed or updated while one that captured its launch lives
    // on.
    const work_list nodes = exec->nodes;
    return done(enqueue(stream, [nodes] {
        cudaError_t error = cudaSuccess;
        for (size_t i = 0; i < nodes.size() && error == cudaSuccess; i++)
            error = nodes[i]();
        return error;
    }));
}

extern "C" cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    delete exec;
    return done(exec ? cudaSuccess : cudaErrorInvalidValue);
}

extern "C" cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return done(graph ? cudaSuccess : cudaErrorInvalidValue);
}
