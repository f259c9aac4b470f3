// The network as AOTInductor compiled it, a shared object beside the library; needs libtorch.
#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner_cpu.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
#include "library.h"

// Of the OpenMP library that torch uses, if it uses one.
__attribute__((weak)) int omp_get_max_threads(void);
__attribute__((weak)) void omp_set_num_threads(int threads);
}

namespace {

// Threads of this network in a call. OpenMP counts them for each calling thread, and the host's own
// number is put back: torch sets it when it is first used, and whenever its own number is set.
class Threads {
public:
    explicit Threads(int threads) : before(omp_get_max_threads ? omp_get_max_threads() : 0)
    {
        if (at::get_num_threads() != threads)
            at::set_num_threads(threads);
    }
    ~Threads()
    {
        if (before && omp_get_max_threads() != before)
            omp_set_num_threads(before);
    }
    Threads(const Threads &) = delete;
    Threads &operator=(const Threads &) = delete;

private:
    int before;
};

std::unique_ptr<torch::inductor::AOTIModelContainerRunnerCpu> runner;
int threads_per_call = 1;

template <typename Action>
int guarded(char *message, size_t room, Action action)
{
    try {
        action();
        return 0;
    } catch (const std::exception &error) {
        std::snprintf(message, room, "%.*s", static_cast<int>(std::strcspn(error.what(), "\n")),
                      error.what());
    } catch (...) {
        std::snprintf(message, room, "an unknown error of the network");
    }
    return 1;
}

// The CRC-32 of a file, as zip, PNG and zlib have it.
uint32_t checksum_of(const std::string &path)
{
    std::array<uint32_t, 256> table;
    for (uint32_t i = 0; i < 256; ++i) {
        table[i] = i;
        for (int bit = 0; bit < 8; ++bit)
            table[i] = table[i] & 1 ? 0xedb88320u ^ (table[i] >> 1) : table[i] >> 1;
    }
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error(path + " is missing: it belongs to the library, in the same folder");
    std::vector<char> part(1 << 16);
    uint32_t sum = ~0u;
    do {
        file.read(part.data(), static_cast<std::streamsize>(part.size()));
        for (std::streamsize i = 0; i < file.gcount(); ++i)
            sum = table[(sum ^ static_cast<unsigned char>(part[i])) & 255] ^ (sum >> 8);
    } while (file);
    return ~sum;
}

}  // namespace

extern "C" int network_open(const char *folder, int instances, int threads, char *message,
                            size_t room)
{
    return guarded(message, room, [&] {
        Threads limited(threads);
        std::string path = std::string(folder) + "/lib" + surrogate_name + "_network.so";
        if (checksum_of(path) != NETWORK_CHECKSUM)
            throw std::runtime_error(path + " is not the network that the library was made with: it is "
                                            "damaged, or that of another library");
        runner = std::make_unique<torch::inductor::AOTIModelContainerRunnerCpu>(
            path, static_cast<size_t>(instances));
        threads_per_call = threads;
    });
}

namespace {

int run(std::vector<at::Tensor> inputs, int64_t expected, float *outputs, char *message, size_t room)
{
    return guarded(message, room, [&] {
        at::Tensor found = runner->run(inputs).at(0).contiguous();
        if (found.scalar_type() != at::kFloat || found.numel() != expected)
            throw std::runtime_error("the network returned another number of values");
        std::memcpy(outputs, found.const_data_ptr<float>(), sizeof(float) * expected);
    });
}

at::Tensor tensor_of(const float *values, at::IntArrayRef size)
{
    return at::from_blob(const_cast<float *>(values), size, at::kFloat);
}

}  // namespace

#if defined SURROGATE_MESH
extern "C" int network_run_mesh(int64_t nodes, int64_t edges, const float *inputs,
                                const int64_t *edge_index, const float *offsets,
                                const double *parameters, float *outputs, char *message,
                                size_t room)
{
    c10::InferenceMode inference;
    Threads limited(threads_per_call);
    std::vector<float> single(parameters, parameters + surrogate_parameter_count);
    return run({tensor_of(inputs, {nodes, surrogate_input_count}),
                at::from_blob(const_cast<int64_t *>(edge_index), {2, edges}, at::kLong),
                tensor_of(offsets, {edges, 3}),
                tensor_of(single.data(), {1, surrogate_parameter_count})},
               nodes * surrogate_output_count, outputs, message, room);
}
#elif defined SURROGATE_EXCHANGE
extern "C" int network_run_exchange(const int64_t *sizes, const float *const *inputs,
                                    const void *const *tables, float *outputs, char *message,
                                    size_t room)
{
    c10::InferenceMode inference;
    Threads limited(threads_per_call);
    std::vector<at::Tensor> given;
    int64_t values = 0;
    for (int i = 0; i < surrogate_input_count; ++i) {
        std::vector<int64_t> size = {sizes[surrogate_set_of[i]]};
        if (surrogate_inputs[i].profile)
            size.push_back(surrogate_inputs[i].levels);
        given.push_back(tensor_of(inputs[i], size));
    }
    for (int i = 0; i < surrogate_table_count; ++i) {
        const struct table &t = surrogate_tables[i];
        std::vector<int64_t> size = {sizes[t.set]};
        size.insert(size.end(), t.width, t.width + t.rank);
        given.push_back(at::from_blob(const_cast<void *>(tables[i]), size,
                                      t.to < 0 ? at::kFloat : at::kLong));
    }
    for (int i = 0; i < surrogate_output_count; ++i)
        values += sizes[surrogate_set_of[surrogate_input_count + i]] * surrogate_outputs[i].levels;
    return run(given, values, outputs, message, room);
}
#elif defined SURROGATE_GRID
extern "C" int network_run_grid(const int64_t *size, const float *inputs, const double *parameters,
                                float *outputs, char *message, size_t room)
{
    c10::InferenceMode inference;
    Threads limited(threads_per_call);
    std::vector<float> single(parameters, parameters + surrogate_parameter_count);
    int64_t cells = size[0] * size[1] * size[2];
    return run({tensor_of(inputs, {1, surrogate_input_count, size[0], size[1], size[2]}),
                tensor_of(single.data(), {1, surrogate_parameter_count})},
               surrogate_output_count * cells, outputs, message, room);
}
#else
extern "C" int network_run(int64_t columns, const float *inputs, float *outputs, char *message,
                           size_t room)
{
    c10::InferenceMode inference;
    Threads limited(threads_per_call);
    return run({tensor_of(inputs, {columns, surrogate_input_channels})},
               columns * surrogate_output_channels, outputs, message, room);
}
#endif

extern "C" void network_close(void) { runner.reset(); }
