import Encoder
import Engine
import Kernels
import Runs

/// Weights and gradients by groups of tensors: a layer each, embeddings, heads.
struct GroupHistograms {
    private let groups: [(name: String, specs: [ParameterSpec])]

    init(_ layout: ParameterLayout) {
        var order: [String] = []
        var members: [String: [ParameterSpec]] = [:]
        for spec in layout.specs {
            let name = Self.group(spec.name)
            if members[name] == nil { order.append(name) }
            members[name, default: []].append(spec)
        }
        groups = order.map { ($0, members[$0] ?? []) }
    }

    /// `generator.layers.3.attention.query` is of `generator.layers.3`, `embeddings.word` of `embeddings`.
    static func group(_ name: String) -> String {
        let parts = name.split(separator: ".")
        if let number = parts.firstIndex(where: { Int($0) != nil }) { return parts[...number].joined(separator: ".") }
        return parts.prefix(parts.first == "embeddings" ? 1 : 2).joined(separator: ".")
    }

    /// - Parameters:
    ///   - kind: stands before the names, such as `weights`.
    ///   - range: of the buffer that counts; groups without a tensor in it are left out.
    func histograms(
        _ kind: String, _ buffer: UnsafePointer<Float>, within range: Range<Int>, pool: ThreadPool
    ) -> [(tag: String, histogram: ValueHistogram)] {
        let wanted = groups.map { group in group.specs.filter { range.contains($0.offset) } }
        let results = TaskResults<ValueHistogram>(count: groups.count)
        nonisolated(unsafe) let buffer = buffer
        pool.run(groups.count) { index, _ in
            var histogram = ValueHistogram()
            for spec in wanted[index] {
                histogram.add(UnsafeBufferPointer(start: buffer + spec.offset, count: spec.count))
            }
            results[index] = histogram
        }
        return groups.indices.compactMap { index in
            guard let histogram = results[index], histogram.count > 0 else { return nil }
            return ("\(kind)/\(groups[index].name)", histogram)
        }
    }
}
