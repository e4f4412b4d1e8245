import Configuration
import Foundation
import Kernels
import Pretraining

/// One searched hyperparameter and where its values lie.
public struct SearchDimension: Codable, Sendable, Equatable {
    public enum Values: Codable, Sendable, Equatable {
        /// From the first to the last, evenly on a logarithmic scale; `points` of a grid, if they were given.
        case range(lower: Double, upper: Double, points: Int?)
        case list([Double])
    }

    public var hyperparameter: Hyperparameter
    public var values: Values

    public init(_ hyperparameter: Hyperparameter, _ values: Values) {
        self.hyperparameter = hyperparameter
        self.values = values
    }

    /// Reads `learning_rate=1e-4..1e-2`, `…:7` for seven grid points, or `learning_rate=1e-3,2e-3`.
    ///
    /// - Throws: `TransferError.invalid`, saying what is wrong.
    public init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else {
            throw TransferError.invalid("--search \(text): write NAME=LOWER..UPPER or NAME=VALUE,VALUE,…")
        }
        hyperparameter = try Hyperparameter(named: parts[0].trimmingCharacters(in: .whitespaces))
        func number(_ part: some StringProtocol) throws -> Double {
            let trimmed = part.trimmingCharacters(in: .whitespaces)
            guard let value = Double(trimmed), value.isFinite else {
                throw TransferError.invalid("--search \(text): \"\(trimmed)\" is not a number")
            }
            guard value > 0 else {
                throw TransferError.invalid(
                    "--search \(text): \(trimmed) is not above 0; values lie on a logarithmic scale")
            }
            return value
        }
        guard let dots = parts[1].range(of: "..") else {
            let list = try parts[1].split(separator: ",", omittingEmptySubsequences: false).map(number)
            guard Set(list).count == list.count else {
                throw TransferError.invalid("--search \(text): a value stands there twice")
            }
            values = .list(list)
            return
        }
        let lower = try number(parts[1][..<dots.lowerBound])
        var rest = parts[1][dots.upperBound...]
        var points: Int?
        if let colon = rest.firstIndex(of: ":") {
            guard let count = Int(rest[rest.index(after: colon)...]), (2...1000).contains(count) else {
                throw TransferError.invalid("--search \(text): the number of grid points must be from 2 to 1000")
            }
            points = count
            rest = rest[..<colon]
        }
        let upper = try number(rest)
        guard lower < upper else {
            throw TransferError.invalid("--search \(text): \(lower) is not below \(upper); write LOWER..UPPER")
        }
        values = .range(lower: lower, upper: upper, points: points)
    }

    /// Checks the bounds against what the configuration allows.
    func validate(for configuration: RunConfiguration) throws {
        let extremes: [Double] =
            switch values {
            case .range(let lower, let upper, _): [lower, upper]
            case .list(let list): list
            }
        if hyperparameter == .muonLearningRate, configuration.optimizer.kind != .muon {
            throw TransferError.invalid("--search \(hyperparameter.rawValue): is for optimizer.kind: muon")
        }
        for value in extremes {
            var copy = configuration
            do {
                try ConfigurationLookup.set(hyperparameter.key, to: "\(value)", in: &copy, validating: false)
            } catch {
                throw TransferError.invalid("--search \(hyperparameter.rawValue): \(error)")
            }
        }
    }

    /// The value at a place from 0 to 1.
    func value(at place: Double) -> Double {
        switch values {
        case .range(let lower, let upper, _): rounded(exp(log(lower) + place * (log(upper) - log(lower))))
        case .list(let list): list[min(list.count - 1, Int(place * Double(list.count)))]
        }
    }

    /// - Parameter suggested: points of a range that names none; nil: one for every factor of two.
    func grid(suggested: Int?) -> [Double] {
        switch values {
        case .list(let list): return list
        case .range(let lower, let upper, let points):
            // Not of the ratio, which the smallest and the largest numbers do not have.
            let count = points ?? suggested ?? max(2, Int((log2(upper) - log2(lower)).rounded()) + 1)
            return count == 1
                ? [value(at: 0.5)] : (0..<count).map { value(at: Double($0) / Double(count - 1)) }
        }
    }

    /// Four digits: configurations are read by people.
    private func rounded(_ value: Double) -> Double { Double(String(format: "%.4g", locale: nil, value)) ?? value }
}

/// How points of the space are chosen.
public enum SearchMethod: String, CaseIterable, Codable, Sendable {
    case random
    case grid
}

/// The hyperparameters that are searched, and the points to try.
public struct SearchSpace: Codable, Sendable, Equatable {
    public var dimensions: [SearchDimension]

    /// - Parameter texts: as `SearchDimension.init(parsing:)` reads them; none: the learning rate, up to eight times up
    ///   and down from the target's.
    public init(parsing texts: [String], for configuration: RunConfiguration) throws {
        dimensions = try texts.map(SearchDimension.init(parsing:))
        if dimensions.isEmpty {
            let rate = configuration.optimizer.peakLearningRate
            guard rate / 8 > 0, (rate * 8).isFinite else {
                throw TransferError.invalid(
                    "optimizer.peak_learning_rate is \(rate); say where to search: --search learning_rate=…")
            }
            dimensions = [SearchDimension(.learningRate, .range(lower: rate / 8, upper: rate * 8, points: nil))]
            // One without the other would be half a search.
            let matrices = configuration.optimizer.muon.peakLearningRate
            if configuration.optimizer.kind == .muon, matrices / 8 > 0, (matrices * 8).isFinite {
                dimensions.append(
                    SearchDimension(.muonLearningRate, .range(lower: matrices / 8, upper: matrices * 8, points: nil)))
            }
        }
        for (index, dimension) in dimensions.enumerated() {
            if dimensions[..<index].contains(where: { $0.hyperparameter == dimension.hyperparameter }) {
                throw TransferError.invalid("--search names \(dimension.hyperparameter.rawValue) twice")
            }
            try dimension.validate(for: configuration)
        }
    }

    public typealias Point = [Hyperparameter: Double]

    /// The points to try, in order.
    ///
    /// - Parameters:
    ///   - trials: how many; nil: as the grid comes out, or 16 random ones.
    /// - Throws: `TransferError.invalid` for a grid of more than 10,000 points.
    public func points(method: SearchMethod, trials: Int?, seed: Int) throws -> [Point] {
        switch method {
        case .random:
            let random = Philox(seed: UInt64(seed), purpose: .sampling)
            return (0..<(trials ?? 16)).map { trial in
                Dictionary(
                    uniqueKeysWithValues: dimensions.enumerated().map { index, dimension in
                        (dimension.hyperparameter, dimension.value(at: random.uniform(step: trial, position: index)))
                    })
            }
        case .grid:
            let perDimension = trials.map { max(1, Int(pow(Double($0), 1 / Double(dimensions.count)) + 1e-9)) }
            var points: [Point] = [[:]]
            for dimension in dimensions {
                let values = dimension.grid(suggested: perDimension)
                points = points.flatMap { point in
                    values.map { value in point.merging([dimension.hyperparameter: value]) { $1 } }
                }
                guard points.count <= 10_000 else {
                    throw TransferError.invalid(
                        "the grid has more than 10,000 points; search at random, or fewer of them")
                }
            }
            return points
        }
    }
}
