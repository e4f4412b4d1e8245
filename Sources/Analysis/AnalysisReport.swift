import Files
import Formatting
import Foundation
import Plots

/// Analyses of one or several models as charts, tables and JSON.
public struct AnalysisReport: Encodable, Sendable {
    public var models: [ModelAnalysis]

    public init(_ models: [ModelAnalysis]) { self.models = models }

    /// A quantity with a chart of its own.
    private struct Quantity {
        var file: String
        var title: String
        var axis: Axis
        var note: String
        /// Where the first value stands: layers count from 1, and a state stands before its layer.
        var firstLayer = 1
        var values: (NetworkAnalysis) -> [Double]
    }

    private static var quantities: [Quantity] {
        [
            Quantity(
                file: "gradient-norm", title: "Gradient norm of each layer", axis: Axis("norm", scale: .logarithmic),
                note: "Of the objective with respect to all parameters of a layer, without dropout.",
                values: \.gradientNorms),
            Quantity(
                file: "angular-distance", title: "Angular distance across each layer", axis: Axis("arccos(cos) / π"),
                note: "Between a layer's input and output, mean over tokens: 0 for a layer that changes no direction.",
                values: \.angularDistances),
            Quantity(
                file: "loss-change", title: "Loss change when a layer is removed", axis: Axis("nats"),
                note: "The layer passes on its input; below 0, the model is better off without it.",
                values: \.lossChanges),
            Quantity(
                file: "state-size", title: "Size of the states", axis: Axis("root mean square", scale: .logarithmic),
                note: "Of a layer's input; the last value is the last layer's output.", values: \.stateSizes),
        ]
    }

    /// Names of all files that `write` makes.
    public static var fileNames: [String] { quantities.map { "\($0.file).svg" } + ["report.md", "analysis.json"] }

    /// Charts by file name: a panel for each network, a line for each model.
    public var charts: [(name: String, svg: String)] {
        Self.quantities.map { quantity in
            let panels = networks.map { network in
                Chart(
                    title: quantity.title, subtitle: network, x: Axis("layer"), y: quantity.axis,
                    series: models.compactMap { model in
                        guard let found = model.networks.first(where: { $0.network == network }) else { return nil }
                        return Series(
                            model.label,
                            points: quantity.values(found).enumerated().map {
                                Point(Double($0.offset + quantity.firstLayer), $0.element)
                            }, style: .markedLine)
                    }, width: 520, height: 360)
            }
            return ("\(quantity.file).svg", Figure(panels, columns: 2).svg)
        }
    }

    private var networks: [String] {
        ["generator", "discriminator"].filter { name in
            models.contains { $0.networks.contains { $0.network == name } }
        }
    }

    /// The report with links to the charts.
    public var markdown: String {
        var lines = ["# What the layers do", "", "| model | step | tokens | placement | network | layers | loss |"]
        lines.append("|---|---|---|---|---|---|---|")
        for model in models {
            for network in model.networks {
                lines.append(
                    "| \(Self.cell(model.label)) | \(model.step) | \(model.tokens) | \(model.placement) | "
                        + "\(network.network) | \(network.gradientNorms.count) | \(Self.number(network.loss)) |")
            }
        }
        for quantity in Self.quantities {
            lines += ["", "## \(quantity.title)", "", quantity.note, "", "![\(quantity.title)](\(quantity.file).svg)"]
        }
        lines += ["", "## Numbers"]
        for model in models {
            for network in model.networks {
                lines += ["", "### \(Self.cell(model.label)), \(network.network)", ""]
                lines.append(MarkdownTable.text(header: Self.columns, rows: Self.rows(network)))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Header of `rows`.
    public static let columns = [
        "layer", "gradient norm", "weight norm", "angular distance", "loss change", "input size",
    ]

    /// A row for each layer.
    public static func rows(_ network: NetworkAnalysis) -> [[String]] {
        network.gradientNorms.indices.map { layer in
            [
                "\(layer + 1)", number(network.gradientNorms[layer]), number(network.weightNorms[layer]),
                number(network.angularDistances[layer]), number(network.lossChanges[layer]),
                number(network.stateSizes[layer]),
            ]
        }
    }

    /// Four digits that say something, whatever the size.
    private static func number(_ value: Double) -> String { String(format: "%.4g", value) }

    /// A label in a table's cell.
    private static func cell(_ text: String) -> String {
        text.replacingOccurrences(of: "|", with: "\\|").replacingOccurrences(of: "\n", with: " ")
    }

    /// Finds out before the work whether a folder can take the files.
    ///
    /// - Returns: its path.
    /// - Throws: `AnalysisOutputError` if it holds anything else; `FileFailure`.
    public static func folder(_ path: String) throws -> String {
        let path = HomeFolder.expanded(path)
        try OutputFolder.check(path)
        let present = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        if let name = present.sorted().first(where: { !fileNames.contains($0) }) {
            throw AnalysisOutputError(folder: path, name: name)
        }
        return path
    }

    /// Writes all files into a folder, which is made if need be.
    ///
    /// - Throws: `AnalysisOutputError` if the folder holds anything else; `FileFailure`.
    public func write(to folder: String) throws {
        let folder = try Self.folder(folder)
        try OutputFolder.create(folder)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        var files = charts.map { ($0.name, Data($0.svg.utf8)) }
        files.append(("report.md", Data(markdown.utf8)))
        files.append(("analysis.json", try encoder.encode(self)))
        for (name, data) in files {
            try OutputFile(checking: "\(folder)/\(name)").write(data)
        }
    }
}

/// A folder that holds things which no analysis has written.
public struct AnalysisOutputError: Error, Equatable, CustomStringConvertible {
    public var folder: String
    public var name: String

    public var description: String {
        "\(folder) holds \"\(name)\", which no analysis has written; choose an empty or new folder"
    }
}
