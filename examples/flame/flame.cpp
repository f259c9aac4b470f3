// A filtered flame in a uniform flow, with a trained closure of its surface density in the loop: the
// flame of combustion/online/planar.py, in C++.
//
//   flame CASE FIELD > budget.csv
//
// CASE holds names and numbers, one pair a line, see planar.txt. FIELD gets the last progress variable,
// [x][y][z] in double precision. Fresh gas (c = 0) enters at x = 0; y and z are periodic:
//
//   dc/dt + u . grad c = D lap c + S_L Sigma(c),        the density is constant, rho = rho_u.
//
// A step is a sweep of advection along each axis, limited to be total-variation diminishing (van Leer
// 1974, Sweby 1984), diffusion, and combustion. A cell burns no more than is left in it: the part of
// the source that is cut off there is counted.
#include "flame_closure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Field = std::vector<double>;

// ---- The case ----

struct Case {
    std::array<std::int64_t, 3> cells{};
    double spacing, cells_per_filter_width, flame_speed, diffusivity, thickness, position, wrinkling, time_step;
    std::array<double, 3> velocity{};
    std::int64_t steps;
};

Case read_case(const std::string &path)
{
    std::ifstream file(path);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    std::map<std::string, double> values;
    std::string name;
    double value;
    while (file >> name) {
        if (!(file >> value) || !std::isfinite(value))
            throw std::runtime_error(path + ": " + name + ": expected a number");
        if (!values.emplace(name, value).second)
            throw std::runtime_error(path + ": " + name + " stands there twice");
    }
    auto take = [&](const char *wanted, double low, double high) {
        auto found = values.extract(wanted);
        if (found.empty())
            throw std::runtime_error(path + ": " + wanted + " is missing");
        double x = found.mapped();
        if (!(x >= low && x <= high))
            throw std::runtime_error(path + ": " + wanted + " is " + std::to_string(x));
        return x;
    };
    auto whole = [&](const char *wanted) { return std::int64_t(take(wanted, 1, 1e6)); };
    Case c;
    c.cells = {whole("cells_x"), whole("cells_y"), whole("cells_z")};
    c.spacing = take("grid_spacing", 1e-9, 1);
    c.cells_per_filter_width = take("cells_per_filter_width", 0.1, 100);
    c.flame_speed = take("flame_speed", 0, 100);
    c.diffusivity = take("diffusivity", 0, 1);
    c.velocity = {take("velocity_x", 0, 1e3), take("velocity_y", -1e3, 1e3), take("velocity_z", -1e3, 1e3)};
    c.thickness = take("thickness", 1e-9, 1);
    c.position = take("position", 0, 1e3);
    c.wrinkling = take("wrinkling", 0, 1e3);
    c.time_step = take("time_step", 1e-12, 1);
    c.steps = whole("steps");
    if (!values.empty())
        throw std::runtime_error(path + ": unknown name " + values.begin()->first);
    for (double u : c.velocity)
        if (std::abs(u) * c.time_step > c.spacing)
            throw std::runtime_error(path + ": time_step: the gas crosses more than a cell in a step");
    if (6 * c.diffusivity * c.time_step > c.spacing * c.spacing)
        throw std::runtime_error(path + ": time_step: expected at most grid_spacing^2 / (6 diffusivity)");
    return c;
}

// ---- A step ----

class Flame {
public:
    explicit Flame(const Case &of)
        : c(std::size_t(of.cells[0] * of.cells[1] * of.cells[2])), setup(of),
          n(of.cells), stride{n[1] * n[2], n[2], 1}, sigma(c.size()), change(c.size())
    {
        const double pi = std::acos(-1.0);
        for (std::int64_t i = 0; i < n[0]; ++i)
            for (std::int64_t j = 0; j < n[1]; ++j)
                for (std::int64_t k = 0; k < n[2]; ++k) {
                    double wave = std::sin(2 * pi * (j + 0.5) / n[1]) + std::cos(2 * pi * (k + 0.5) / n[2]);
                    double front = of.position + of.wrinkling * wave;
                    double x = (i + 0.5) * of.spacing;
                    c[i * stride[0] + j * stride[1] + k] = 0.5 * (1 + std::tanh(2 * (x - front) / of.thickness));
                }
    }

    void advance()
    {
        for (int axis = 0; axis < 3; ++axis)
            advect(axis, setup.velocity[axis] * setup.time_step / setup.spacing);
        diffuse(setup.diffusivity * setup.time_step / (setup.spacing * setup.spacing));
        burn();
    }

    double volume() const { return std::pow(setup.spacing, 3); }
    double integral() const { return sum(c) * volume(); }

    Field c;
    double outflow = 0, burnt = 0, cut = 0;  // since the beginning  [m3]
    double surface = 0;                      // of the flame in the last step  [m2]

private:
    static double sum(const Field &field)
    {
        double total = 0;
        for (double value : field)
            total += value;
        return total;
    }

    // The value of a line at cell i, -2 ... n + 1, beyond its ends, too.
    double at(const double *line, int axis, std::int64_t i) const
    {
        if (axis == 0)
            return i < 0 ? 0.0 : line[std::min(i, n[0] - 1) * stride[0]];
        return line[(i + 2 * n[axis]) % n[axis] * stride[axis]];
    }

    template <typename Action>
    void for_lines(int axis, Action action)
    {
        int a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
        for (std::int64_t i = 0; i < n[a]; ++i)
            for (std::int64_t j = 0; j < n[b]; ++j)
                action(i * stride[a] + j * stride[b]);
    }

    void advect(int axis, double courant)
    {
        std::vector<double> line(n[axis] + 4), slope(n[axis] + 4), flux(n[axis] + 1);
        for_lines(axis, [&](std::int64_t begin) {
            for (std::int64_t i = 0; i < n[axis] + 4; ++i)
                line[i] = at(&c[begin], axis, i - 2);
            for (std::int64_t i = 1; i < n[axis] + 3; ++i) {
                double a = line[i] - line[i - 1], b = line[i + 1] - line[i];
                slope[i] = a * b > 0 ? 2 * a * b / (a + b) : 0;
            }
            for (std::int64_t face = 0; face <= n[axis]; ++face) {
                std::int64_t i = face + (courant > 0 ? 1 : 2);  // the cell that the gas comes from
                double half = 0.5 * ((courant > 0 ? 1 : -1) - courant);
                flux[face] = courant * (line[i] + half * slope[i]);
            }
            for (std::int64_t i = 0; i < n[axis]; ++i)
                c[begin + i * stride[axis]] -= flux[i + 1] - flux[i];
            if (axis == 0)
                outflow += (flux[n[0]] - flux[0]) * volume();
        });
    }

    // Nothing diffuses through the ends of x.
    void diffuse(double fourier)
    {
        std::fill(change.begin(), change.end(), 0);
        for (int axis = 0; axis < 3; ++axis)
            for_lines(axis, [&](std::int64_t begin) {
                for (std::int64_t i = axis == 0 ? 1 : 0; i < n[axis]; ++i) {
                    std::int64_t low = begin + (i + n[axis] - 1) % n[axis] * stride[axis];
                    std::int64_t high = begin + i * stride[axis];
                    double flux = fourier * (c[high] - c[low]);
                    change[low] += flux;
                    change[high] -= flux;
                }
            });
        for (std::size_t i = 0; i < c.size(); ++i)
            c[i] += change[i];
    }

    void burn()
    {
        const int periodic[3] = {0, 1, 1};
        flame_closure_library::run(n.data(), c.data(), setup.spacing, setup.cells_per_filter_width,
                                   sigma.data(), periodic);
        for (std::size_t i = 0; i < c.size(); ++i) {
            double source = setup.flame_speed * setup.time_step * sigma[i];
            double possible = std::clamp(source, 0.0, std::max(1 - c[i], 0.0));
            c[i] += possible;
            burnt += possible * volume();
            cut += std::abs(source - possible) * volume();
        }
        surface = sum(sigma) * volume();
    }

    const Case setup;
    const std::array<std::int64_t, 3> n, stride;
    Field sigma, change;
};

void simulate(const Case &setup, const std::string &output)
{
    Flame flame(setup);
    const double section = double(setup.cells[1] * setup.cells[2]) * setup.spacing * setup.spacing;
    const double begun = flame.integral();
    double surfaces = 0;
    std::puts("time,integral,outflow,burnt,cut,surface,least,most");
    for (std::int64_t step = 0; step < setup.steps; ++step) {
        flame.advance();
        surfaces += flame.surface;
        auto [least, most] = std::minmax_element(flame.c.begin(), flame.c.end());
        std::printf("%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n", double(step + 1) * setup.time_step,
                    flame.integral(), flame.outflow, flame.burnt, flame.cut, flame.surface, *least, *most);
    }
    const double duration = double(setup.steps) * setup.time_step;
    const double speed = (flame.integral() - begun + flame.outflow) / (section * duration);
    std::fprintf(stderr, "flame speed %.6g m/s, of the surface %.6g m/s, cut off %.3g %%\n", speed,
                 setup.flame_speed * surfaces / (double(setup.steps) * section),
                 100 * flame.cut / std::max(flame.burnt, 1e-300));
    std::ofstream file(output, std::ios::binary);
    file.write(reinterpret_cast<const char *>(flame.c.data()), std::streamsize(8 * flame.c.size()));
    if (!file.flush())
        throw std::runtime_error("cannot write " + output);
}

}  // namespace

int main(int count, char **arguments)
try {
    if (count != 3)
        throw std::runtime_error("usage: flame CASE FIELD > budget.csv");
    simulate(read_case(arguments[1]), arguments[2]);
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
