import Foundation
import Plots

/// What a run's `metrics.jsonl` tells of its course.
public struct RunCurves: Encodable, Equatable, Sendable {
    public var label: String
    /// Values by name: of training, and of held-out text under the same names.
    public var training: [String: [CurvePoint]] = [:]
    public var heldOut: [String: [CurvePoint]] = [:]

    /// - Throws: `RunCurvesError`.
    public init(path: String, label: String) throws {
        self.label = label
        guard let data = FileManager.default.contents(atPath: path) else { throw RunCurvesError.unreadable(path: path) }
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let decoder = JSONDecoder()
        var tokens = 0
        for (index, line) in lines.enumerated() where !line.isEmpty {
            guard let record = try? decoder.decode([String: LoggedValue].self, from: Data(line)),
                let step = record["step"]?.number.flatMap(Int.init(exactly:))
            else {
                // The last one may be torn by a crash, or still being written.
                if index == lines.count - 1 { break }
                throw RunCurvesError.notMetrics(path: path, line: index + 1)
            }
            if case .record(let evaluation)? = record["evaluation"] {
                Self.add(evaluation, step: step, tokens: tokens, to: &heldOut)
            } else {
                tokens = record["tokens"]?.number.flatMap(Int.init(exactly:)) ?? tokens
                Self.add(record, step: step, tokens: tokens, to: &training)
            }
        }
    }

    private static func add(
        _ record: [String: LoggedValue], step: Int, tokens: Int, to values: inout [String: [CurvePoint]]
    ) {
        for (name, value) in record where !["step", "tokens", "epoch"].contains(name) {
            guard let number = value.number else { continue }
            values[name, default: []].append(CurvePoint(step: step, tokens: tokens, value: number))
        }
    }

    /// What is known of a quantity: on held-out text where the run was evaluated, otherwise in training.
    public func points(_ metric: String) -> [CurvePoint] { heldOut[metric] ?? training[metric] ?? [] }

    public var metrics: Set<String> { Set(heldOut.keys).union(training.keys) }
}

/// What stands under a key of a record.
private enum LoggedValue: Decodable {
    case number(Double)
    case record([String: LoggedValue])
    case other

    init(from decoder: any Decoder) throws {
        if let number = try? Double(from: decoder) {
            self = .number(number)
        } else if let record = try? [String: LoggedValue](from: decoder) {
            self = .record(record)
        } else {
            self = .other
        }
    }

    var number: Double? {
        if case .number(let number) = self { number } else { nil }
    }
}

/// A value at a step, after as many tokens.
public struct CurvePoint: Encodable, Equatable, Sendable {
    public var step: Int
    public var tokens: Int
    public var value: Double
}

/// Curves of several runs in one figure.
public struct CurveFigure: Sendable {
    public enum Position: String, CaseIterable, Sendable {
        case steps
        case tokens
    }

    public var runs: [RunCurves]
    /// A panel for each.
    public var metrics: [String]
    public var position: Position

    /// What is shown if nothing is asked for, as far as some run has it.
    public static let usualMetrics = [
        "generator_loss", "corrective_loss", "contrastive_loss", "discriminator_loss", "discriminator_auc",
    ]

    /// - Parameter metrics: nil for the usual ones.
    /// - Throws: `RunCurvesError` for one that no run has.
    public init(_ runs: [RunCurves], metrics: [String]?, position: Position) throws {
        let known = runs.reduce(into: Set<String>()) { $0.formUnion($1.metrics) }
        if let unknown = metrics?.first(where: { !known.contains($0) }) {
            throw RunCurvesError.unknownMetric(unknown, known: known.sorted())
        }
        self.runs = runs
        self.metrics = metrics ?? Self.usualMetrics.filter(known.contains)
        self.position = position
    }

    public var svg: String {
        let panels = metrics.map { metric in
            let isHeldOut = runs.contains { $0.heldOut[metric] != nil }
            return Chart(
                title: metric.replacingOccurrences(of: "_", with: " "),
                subtitle: isHeldOut ? "on held-out text" : "in training", x: Axis(position.rawValue), y: Axis(""),
                series: runs.enumerated().compactMap { index, run in
                    let points = run.points(metric).map {
                        Point(Double(position == .steps ? $0.step : $0.tokens), $0.value)
                    }
                    guard !points.isEmpty else { return nil }
                    return Series(run.label, points: points, style: style(index, run, metric), colour: index)
                }, width: 560, height: 400)
        }
        return Figure(panels, columns: 2).svg
    }

    /// Markers where the run was evaluated; dashes once the colours have all been used.
    private func style(_ index: Int, _ run: RunCurves, _ metric: String) -> Series.Style {
        let isDashed = index / Palette.categorical.count % 2 == 1
        if run.heldOut[metric] == nil { return isDashed ? .dashed : .line }
        return isDashed ? .markedDashed : .markedLine
    }
}

public enum RunCurvesError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String)
    case notMetrics(path: String, line: Int)
    case unknownMetric(String, known: [String])

    public var description: String {
        switch self {
        case .unreadable(let path): "\(path) cannot be read; name a run directory, which has a metrics.jsonl"
        case .notMetrics(let path, let line): "\(path), line \(line): not a record of a run"
        case .unknownMetric(let name, let known):
            "no run has a metric \(name); there are \(known.joined(separator: ", "))"
        }
    }
}
