// A small C++17 layer over headerroute: owners that free, strings as std::string_view, errors as
// exceptions.
#pragma once

#include <headerroute/headerroute.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

template <auto Free> struct freed_by {
    template <typename T> void operator()(T *p) const {
        Free(p);
    }
};

inline hr_str to_hr(std::string_view s) {
    return {s.data(), s.size()};
}

inline std::string_view to_view(hr_str s) {
    return s.p == nullptr ? std::string_view() : std::string_view(s.p, s.len);
}

// The rules of one YAML text, as a caller in the mesh sees them. One thread may use it at a time.
class router {
  public:
    explicit router(std::string_view yaml) {
        hr_source source{};
        source.name = "rules";
        source.text = to_hr(yaml);
        hr_table *table = nullptr;
        hr_diagnostics *found = nullptr;
        int error = hr_table_load(&table, &found, &source, 1, nullptr);
        std::unique_ptr<hr_diagnostics, freed_by<hr_diagnostics_free>> findings(found);
        std::unique_ptr<hr_table, freed_by<hr_table_unref>> owned(table);
        if (error != HR_OK)
            throw std::runtime_error(first_finding(found).value_or(hr_strerror(error)));
        hr_view *view = nullptr;
        check(hr_view_new(&view, table, nullptr));
        view_.reset(view);
        hr_scratch *scratch = nullptr;
        check(hr_scratch_new(&scratch));
        scratch_.reset(scratch);
    }

    // The destination's host, or nothing if no rule matches.
    std::optional<std::string>
    destination(std::string_view host, std::string_view path,
                std::initializer_list<std::pair<std::string_view, std::string_view>> headers) {
        std::vector<hr_pair> pairs;
        for (const auto &[name, value] : headers)
            pairs.push_back({to_hr(name), to_hr(value)});
        hr_request request = HR_REQUEST_INIT;
        request.authority = to_hr(host);
        request.path = to_hr(path);
        request.headers = pairs.data();
        request.n_headers = pairs.size();
        hr_decision decision = HR_DECISION_INIT;
        check(hr_route(&decision, view_.get(), &request, scratch_.get()));
        if (decision.action != HR_ACTION_ROUTE)
            return std::nullopt;
        return std::string(to_view(decision.destination_host));
    }

  private:
    static void check(int error) {
        if (error != HR_OK)
            throw std::runtime_error(hr_strerror(error));
    }

    static std::optional<std::string> first_finding(const hr_diagnostics *found) {
        if (hr_diagnostics_count(found) == 0)
            return std::nullopt;
        char line[1024];
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(found, 0));
        return std::string(line);
    }

    std::unique_ptr<hr_view, freed_by<hr_view_unref>> view_;
    std::unique_ptr<hr_scratch, freed_by<hr_scratch_free>> scratch_;
};
