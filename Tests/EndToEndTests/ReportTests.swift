import Foundation
import TestSupport
import Testing

/// `report` of a run that really took place.
@Suite struct ReportTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func aPageAndItsFactsTellTheRun() throws {
        try workspace.run("run", ["evaluation.samples=2"])
        let outcome = try workspace.pretrain("report", "run", "--output", "page.html")
        #expect(outcome.status == 0 && outcome.output.contains("page.html: one run"), "\(outcome.errors)")
        let page = try workspace.folder.text("page.html")
        #expect(
            page.hasPrefix("<!doctype html>") && page.contains("class=\"sample\"") && page.contains("model.layer_count")
        )
        let facts = try workspace.pretrain("report", "run", "--json").json()
        let run = try #require((facts["runs"] as? [[String: Any]])?.first)
        let progress = try #require(run["progress"] as? [String: Any])
        #expect(progress["step"] as? Int == 20 && progress["steps"] as? Int == 20)
        #expect((run["status"] as? [String: Any])?["state"] as? String == "finished")
        let source = try #require(((run["corpus"] as? [String: Any])?["sources"] as? [[String: Any]])?.first)
        #expect(
            source["files"] as? Int == 4 && (source["sha256"] as? String)?.count == 64
                && source["share"] as? Double == 1)
        #expect((run["checkpoints"] as? [[String: Any]])?.last?["step"] as? Int == 20)
        #expect((run["samples"] as? [[String: Any]])?.count == 2)
        let cost = try #require(run["cost"] as? [String: Any])
        #expect(cost["core_hours"] as? Double ?? 0 > 0)
        let session = try #require((run["sessions"] as? [[String: Any]])?.first)
        #expect((session["origin"] as? [String: Any])?["threads"] as? Int == 2)
        // Nothing in the run was touched.
        #expect(!workspace.folder.exists("run/report.html") && !workspace.folder.exists("report.html"))
    }

    @Test func heldOutTextIsShownOnlyWhereItMayBe() throws {
        try workspace.run("run", ["training.steps=4", "evaluation.samples=0"])
        func samples() throws -> Int? {
            let facts = try workspace.pretrain("report", "run", "--json").json()
            return ((facts["runs"] as? [[String: Any]])?.first?["samples"] as? [Any])?.count
        }
        #expect(try samples() == 0)
        #expect(try workspace.folder.text("run/samples.jsonl").isEmpty)
        // Of a run without any, samples are made for the report.
        try workspace.folder.write(
            try workspace.folder.text("run/config.yaml").replacing("samples: 0", with: "samples: 2"),
            to: "run/config.yaml")
        #expect(try samples() == 1)
    }

    @Test func whatCannotBeShownIsSaid() throws {
        try workspace.run("run", ["training.steps=2"])
        let absent = try workspace.pretrain("report", "absent")
        #expect(absent.status == 1 && absent.errors.contains("no run's directory"), "\(absent.errors)")
        let results = try workspace.pretrain("report", "run", "--with", "corpus")
        #expect(results.status == 1 && results.errors.contains("no results that a report shows"), "\(results.errors)")
        #expect(try workspace.pretrain("report", "run", "--label", "a", "--label", "b").status == 64)
        #expect(try workspace.pretrain("report", "run", "run", "--label", "a", "--label", "a").status == 64)
        #expect(!workspace.folder.exists("report.html"))
        let others = try workspace.pretrain("watch", "run", "--host", "nowhere", "--token", "t")
        #expect(others.status == 1 && others.errors.contains("no IP address"), "\(others.errors)")
    }

    @Test func theCardOfAnExportTellsWhatTheReportTells() throws {
        try workspace.run("run", ["training.checkpoint_every=10"])
        let scores = #"{"file": "agreement", "pairs": 4, "language": 0.75}"#
        try workspace.folder.write(
            "{\"files\": [\(scores)], \"mean\": \(scores.replacing("agreement", with: "mean"))}", to: "run/pairs.json")
        // A warning of a file that is nobody's business.
        let warning = #"{"event":"warning","time":1,"step":3,"message":"/patients/mueller.txt:7: no UTF-8"}"#
        try workspace.folder.write(
            try workspace.folder.text("run/journal.jsonl") + warning + "\n", to: "run/journal.jsonl")
        #expect(try workspace.pretrain("report", "run", "--json").output.contains("mueller.txt"))
        let last = try workspace.pretrain("export", "run", "--output", "last")
        #expect(last.status == 0, "\(last.errors)")
        let card = try workspace.folder.text("last/discriminator/README.md")
        #expect(card.contains("## Minimal pairs: pairs.json\n| file | pairs |"), "\(card)")
        #expect(card.contains("| agreement | 4 | 75.0 % | – |") && card.contains("| processor time | "))
        #expect(!card.contains("## Not known") && !card.contains("mueller"), "\(card)")
        #expect(card.contains("## Alarms\n") && card.contains("which the run's own report tells"), "\(card)")
        #expect(!card.contains("of which this checkpoint has") && !card.contains(workspace.folder.path))
        #expect(
            try workspace.pretrain("export", "run/checkpoints/step-00000010", "--output", "first").status == 0)
        let first = try workspace.folder.text("first/discriminator/README.md")
        #expect(first.contains("| of steps | 20, of which this checkpoint has 10 |"), "\(first)")
        // What cannot be read is not left out in silence.
        try workspace.folder.write("{\"format\": 99}\n", to: "run/metrics.jsonl")
        let unread = try workspace.pretrain("export", "run", "--output", "unread")
        #expect(unread.status == 0 && unread.errors.contains("warning: not in the card: Scores"), "\(unread.errors)")
        #expect(
            try workspace.folder.text("unread/discriminator/README.md").contains("## Not known\n- Scores, cost and"))
        // Outside of a run there is no report to tell anything.
        try workspace.folder.move("run/checkpoints/step-00000010", to: "alone")
        #expect(try workspace.pretrain("export", "alone", "--output", "other").status == 0)
        #expect(!(try workspace.folder.text("other/discriminator/README.md").contains("## Cost")))
    }

    @Test func extraLogsChangeNoBit() throws {
        try workspace.run("plain")
        try workspace.run("logged", [], ["--log-to", "csv", "--log-histograms", "5"])
        try workspace.record("logged").expectEqual(try workspace.record("plain"))
        let table = try workspace.folder.text("logged/metrics.csv").split(separator: "\n")
        #expect(table.count == 21 && table[0].hasPrefix("step,seconds,loss,"))
        #expect(!workspace.folder.exists("plain/metrics.csv"))
        #expect(try workspace.pretrain("run", "tiny.yaml", "--output", "x", "--log-histograms", "0").status == 64)
    }
}
