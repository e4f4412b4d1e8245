import ArgumentParser
import Foundation
import Pretraining

/// How strange a line is.
enum LineScore: String, CaseIterable, ExpressibleByArgument {
    /// Σ −log p(original) over the tokens.
    case sum
    case mean
    /// The highest probability of a replacement (LogELECTRA takes all tokens likewise as anomalous or not; arXiv 2402.10397).
    case worst

    /// - Parameter logits: of the line's tokens, without [CLS] and [SEP].
    func value(_ logits: [Float]) -> Double {
        guard !logits.isEmpty else { return 0 }
        // −log(1 − σ(x)) = log(1 + eˣ), without overflow.
        func surprise(_ logit: Float) -> Double { max(Double(logit), 0) + log1p(exp(-abs(Double(logit)))) }
        switch self {
        case .sum: return logits.reduce(0) { $0 + surprise($1) }
        case .mean: return logits.reduce(0) { $0 + surprise($1) } / Double(logits.count)
        case .worst: return 1 / (1 + exp(-Double(logits.max() ?? 0)))
        }
    }
}

/// `pretrain detect --score`.
struct LineScores {
    let score: LineScore
    /// Beyond it a line is marked; nil: none is.
    let threshold: Double?
    let isLabelled: Bool
    let json: Bool

    /// One line of `--json`.
    private struct Line: Encodable {
        var score: Double
        var isStrange: Bool?
        var label: Int?
    }

    /// The last line of `--json` where there is something to tell of all.
    private struct Summary: Encodable {
        struct Figures: Encodable {
            var lines: Int
            var threshold: Double?
            var strange: Int?
            var auc: Double?
        }

        var summary: Figures
    }

    private static func scores(
        _ lines: [[UInt8]], _ score: LineScore, _ model: LoadedModel, _ unknown: inout UnknownTokens
    ) throws -> [Double] {
        let detections = try Detections(lines, model)
        unknown.add(count: detections.unknown)
        return detections.all.map { score.value($0.logits) }
    }

    /// The score that a share of a file's lines exceeds.
    static func threshold(
        ofFile path: String, _ score: LineScore, falseAlarms: Double, _ model: LoadedModel
    ) throws -> Double {
        var unknown = UnknownTokens(model.tokenizer)
        let sorted = try scores(try TextInput.read(path, field: "text"), score, model, &unknown).sorted()
        unknown.tell()
        let index = min(sorted.count - 1, max(0, Int((Double(sorted.count) * (1 - falseAlarms)).rounded(.up)) - 1))
        let threshold = sorted[index]
        Terminal.note(
            "\(sorted.count) ordinary lines of \(path): a score above \(String(format: "%.6g", threshold)) is strange; "
                + "\(sorted.count { $0 > threshold }) of them have it")
        return threshold
    }

    /// Scores the lines of standard input.
    func run(_ model: LoadedModel) throws {
        let output = OutputBuffer()
        var (lines, labels): ([[UInt8]], [Int]) = ([], [])
        var (allScores, allLabels): ([Float], [Bool]) = ([], [])
        var (number, strange) = (0, 0)
        var unknown = UnknownTokens(model.tokenizer)
        defer { unknown.tell() }
        func show() throws {
            for (index, value) in try Self.scores(lines, score, model, &unknown).enumerated() {
                let isStrange = threshold.map { value > $0 }
                if isStrange == true { strange += 1 }
                let label = isLabelled ? labels[index] : nil
                if let label {
                    allScores.append(Float(value))
                    allLabels.append(label == 1)
                }
                let shown =
                    json
                    ? String(
                        decoding: try ReportOptions.encoder.encode(
                            Line(score: value, isStrange: isStrange, label: label)),
                        as: UTF8.self)
                    : String(format: "%.6g", value) + (isStrange.map { $0 ? "\t1" : "\t0" } ?? "")
                try output.write(bytes: Array(shown.utf8) + [0x0A])
            }
            (lines, labels) = ([], [])
            try output.flush()
        }
        try LineReader.standardInput(endOfBlock: show) { line in
            number += 1
            var line = Array(line)
            if isLabelled {
                guard line.count >= 2, line[1] == UInt8(ascii: "\t"), [0x30, 0x31].contains(line[0]) else {
                    throw UnsuitableInput(
                        "standard input, line \(number): begins with neither 0 nor 1 and a tab, as --labelled has it")
                }
                labels.append(line[0] == 0x31 ? 1 : 0)
                line.removeFirst(2)
            }
            lines.append(line)
        }
        let auc = isLabelled ? RankStatistics.areaUnderCurve(scores: allScores, labels: allLabels) : nil
        guard isLabelled || threshold != nil else { return }
        if json {
            let summary = Summary(
                summary: .init(
                    lines: number, threshold: threshold, strange: threshold.map { _ in strange }, auc: auc))
            return try OutputBuffer.print(String(decoding: try ReportOptions.encoder.encode(summary), as: UTF8.self))
        }
        var parts = ["\(number) lines"]
        if threshold != nil { parts.append("\(strange) strange") }
        if isLabelled {
            parts.append(auc.map { String(format: "AUC %.4f", $0) } ?? "no AUC: all lines have the same label")
        }
        Terminal.note(parts.joined(separator: ", "))
    }
}
