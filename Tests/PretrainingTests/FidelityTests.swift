import Configuration
import Foundation
import Pretraining
import Testing

/// The presets against the table in `docs/FIDELITY.md`, which says where each value was read.
@Suite("Fidelity of the presets")
struct FidelityTests {
    struct Row: CustomTestStringConvertible {
        var presets: [Preset]
        var key: String
        var value: String
        var reference: String
        var testDescription: String { "\(key) = \(value) in \(presets.map(\.rawValue))" }
    }

    /// The rows below "Values of the presets".
    static let rows: [Row] = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/FIDELITY.md")
        guard let text = try? String(contentsOf: path, encoding: .utf8),
            let start = text.range(of: "## Values of the presets")
        else { return [] }
        return text[start.upperBound...].split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            func plain(_ text: String) -> String { text.replacingOccurrences(of: "`", with: "") }
            let names = cells[0].split(separator: ",").map { plain($0.trimmingCharacters(in: .whitespaces)) }
            return Row(
                presets: names.flatMap { name in
                    name.hasSuffix("*")
                        ? Preset.allCases.filter { $0.rawValue.hasPrefix(name.dropLast()) }
                        : [Preset(rawValue: name)].compactMap(\.self)
                }, key: plain(cells[1]), value: plain(cells[2]), reference: cells.count > 3 ? cells[3] : "")
        }
    }()

    @Test("A preset has the values that its references have", arguments: rows)
    func values(_ row: Row) throws {
        #expect(!row.presets.isEmpty && !row.reference.isEmpty)
        for preset in row.presets {
            let value = try ConfigurationLookup.value(of: row.key, in: preset.configuration)
            #expect(value == row.value, "\(preset.rawValue): \(row.key)")
        }
    }

    @Test("The table has everything in which a preset differs from the defaults", arguments: Preset.allCases)
    func complete(_ preset: Preset) throws {
        #expect(Self.rows.count > 100)
        // Their values were measured here.
        guard !preset.isMeasured else { return }
        let keys = try ConfigurationDocumentation(of: RunConfiguration()).keys
        let defaults = Dictionary(keys.map { ($0.path, $0.defaultValue) }, uniquingKeysWith: { first, _ in first })
        let listed = Set(Self.rows.filter { $0.presets.contains(preset) }.map(\.key))
        for key in try ConfigurationDocumentation(of: preset.configuration).keys
        where key.path != "model.preset" && key.defaultValue != defaults[key.path] {
            #expect(listed.contains(key.path), "\(key.path) is \(key.defaultValue)")
        }
    }
}
