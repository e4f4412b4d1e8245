/// How well each layer of a pretrained encoder tells a task's classes apart, without any training: ν of Xie et al. 2022
/// (arXiv 2210.10041, equation 1), `tr(Σ_within · pinv(Σ_between)) / classes` of mean-pooled states. Lower is better, and layers
/// above the best can be left out.
public enum HiddenStateVariability {
    /// - Parameters:
    ///   - states: one text each.
    ///   - classes: of each text; at least two occur.
    /// - Returns: nil where the means of the classes do not differ at all.
    package static func value(_ states: [[Double]], classes: [Int]) -> Double? {
        let groups = Dictionary(grouping: states.indices) { classes[$0] }.sorted { $0.key < $1.key }.map(\.value)
        let count = Double(groups.count)
        let width = states.first?.count ?? 0
        func mean(_ vectors: [[Double]]) -> [Double] {
            (0..<width).map { i in vectors.reduce(0) { $0 + $1[i] } / Double(vectors.count) }
        }
        let means = groups.map { mean($0.map { states[$0] }) }
        let center = mean(means)
        // Σ_between = M·Mᵀ with one column a class, so that its pseudo-inverse is M·(MᵀM)⁺²·Mᵀ: as small as there are classes.
        let columns = means.map { zip($0, center).map { ($0 - $1) / count.squareRoot() } }
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let gram = columns.map { a in columns.map { product(a, $0) } }
        // Mᵀ·Σ_within·M
        var within = gram.map { $0.map { _ in 0.0 } }
        for (group, mean) in zip(groups, means) {
            for index in group {
                let difference = zip(states[index], mean).map { $0 - $1 }
                let seen = columns.map { product($0, difference) }
                for i in seen.indices {
                    for j in seen.indices { within[i][j] += seen[i] * seen[j] / Double(group.count) / count }
                }
            }
        }
        let (values, vectors) = SymmetricEigen.decompose(gram)
        let threshold = (values.max() ?? 0) * 1e-10
        guard threshold > 0 else { return nil }
        var trace = 0.0
        for (value, vector) in zip(values, vectors) where value > threshold {
            let seen = within.map { product($0, vector) }
            trace += product(vector, seen) / (value * value)
        }
        return trace / count
    }
}
