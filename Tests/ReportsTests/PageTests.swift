import Foundation
import Reports
import TestSupport
import Testing

@Suite struct PageTests {
    private func page(_ recorded: RecordedRun, name: String = "a run") throws -> String {
        try ReportPage(try recorded.reader(name: name).facts()).html()
    }

    @Test func itNeedsNothingElse() throws {
        let page = try page(RecordedRun())
        // No address but that of SVG's name space, which nobody fetches, and those within the page.
        let addresses = page.matches(of: /(?:src|href|url|action)\s*=\s*"([^"]*)"/).map { String($0.1) }
        #expect(addresses.allSatisfy { $0.hasPrefix("#") }, "\(addresses)")
        #expect(page.replacing("http://www.w3.org/2000/svg", with: "").contains("://") == false)
        #expect(page.contains("default-src &#39;none&#39;"))
        for id in [
            "overview", "alarms", "curves", "learned", "configuration", "text", "machine", "checkpoints", "next",
        ] {
            #expect(page.contains("<section id=\"\(id)\">"), "\(id)")
        }
    }

    @Test func whatFilesSayIsNeverMarkup() throws {
        let page = try page(RecordedRun(), name: RecordedRun.hostile)
        #expect(!page.contains("<script>alert") && !page.contains("\u{202E}"))
        #expect(page.matches(of: /<script/).count == 2 && page.matches(of: /<\/script/).count == 2)
        #expect(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)") && page.contains("watch &lt;out&gt;"))
        #expect(page.contains("\\u003c/script>\\u003cscript>alert(1)"))
    }

    @Test func samplesShowReplacementsAndBelief() throws {
        let page = try page(RecordedRun())
        #expect(page.contains("<del> the</del>") && page.contains("--p:0.93") && page.contains("--p:0.40"))
        // Nobody doubts the first token.
        #expect(page.contains("dir=\"auto\">It<span"))
    }

    /// A million steps, logged at every tenth.
    @Test func aLongRunStaysSmall() throws {
        let recorded = try RecordedRun(lines: 100_000)
        let page = try page(recorded)
        #expect(page.utf8.count < 2_000_000, "\(page.utf8.count) bytes")
        #expect(page.contains("100,000 lines of the log are shown as"))
    }

    @Test func runsStandSideBySide() throws {
        let (first, second) = (try RecordedRun(), try RecordedRun(lines: 20))
        try second.folder.write(
            "model: {preset: demo, layer_count: 2}\ntraining: {steps: 200}\n", to: "run/config.yaml")
        let reader = try ReportReader(runs: [first.path, second.path], names: ["one", "two"], results: [])
        let page = try ReportPage(try reader.facts()).html()
        let differences = try #require(
            page.firstMatch(of: /Differences between the runs.*?<\/table>/.dotMatchesNewlines()))
        #expect(differences.output.contains("model.layer_count") && differences.output.contains("training.steps"))
        #expect(!differences.output.contains("model.hidden_size"))
    }
}
