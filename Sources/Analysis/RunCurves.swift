import Foundation
import Runs

/// What a run's `metrics.jsonl` tells of its course.
public struct RunCurves: Encodable, Equatable, Sendable {
    public var label: String
    /// Values by name: of training, and of held-out text under the same names.
    public var training: [String: [CurvePoint]] = [:]
    public var heldOut: [String: [CurvePoint]] = [:]

    /// - Throws: `RunCurvesError`.
    public init(path: String, label: String) throws {
        self.label = label
        var reader = MetricsReader(path: path)
        do {
            _ = try reader.read()
        } catch MetricsReadingError.notMetrics(let path, let line) {
            throw RunCurvesError.notMetrics(path: path, line: line)
        } catch {
            throw RunCurvesError.unreadable(path: path)
        }
        training = Self.curves(reader.training)
        heldOut = Self.curves(reader.evaluations)
    }

    private static func curves(_ table: MetricsTable) -> [String: [CurvePoint]] {
        table.values.mapValues { values in
            values.indices.filter { values[$0].isFinite }.map {
                CurvePoint(
                    step: table.steps[$0], tokens: table.tokens[$0], seconds: table.seconds[$0], value: values[$0])
            }
        }.filter { !$0.value.isEmpty }
    }

    /// What is known of a quantity: on held-out text where the run was evaluated, otherwise in training.
    public func points(_ metric: String) -> [CurvePoint] { heldOut[metric] ?? training[metric] ?? [] }

    public var metrics: Set<String> { Set(heldOut.keys).union(training.keys) }
}

/// A value at a step, after as many tokens and seconds.
public struct CurvePoint: Encodable, Equatable, Sendable {
    public var step: Int
    public var tokens: Int
    public var seconds: Double
    public var value: Double
}

public enum RunCurvesError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String)
    case notMetrics(path: String, line: Int)
    case unknownMetric(String, known: [String])
    /// Runs that have only begun.
    case nothingRecorded

    public var description: String {
        switch self {
        case .unreadable(let path): "\(path) cannot be read; name a run directory, which has a metrics.jsonl"
        case .notMetrics(let path, let line): "\(path), line \(line): not a record of a run"
        case .unknownMetric(let name, let known):
            "no run has a metric \(name); there are \(known.joined(separator: ", "))"
        case .nothingRecorded: "these runs have recorded nothing yet; wait for their first log lines"
        }
    }
}
