import Foundation
import Reports
import TestSupport
import Testing

/// Pages as a browser shows them.
@Suite(
    .enabled(
        if: Browser.path != nil, "no chromium on the PATH: pages are not opened in a browser (apt-get install chromium)"
    ),
    .serialized)
struct BrowserTests {
    private func open(_ page: String, in folder: TemporaryFolder, width: Int) throws -> Browser {
        let file = try folder.write(page, to: "page.html")
        let browser = try Browser(width: width)
        try browser.open("file://\(file)")
        return browser
    }

    @Test(arguments: [390, 1280])
    func curvesAndSamplesAreThere(width: Int) throws {
        let recorded = try RecordedRun()
        let page = try ReportPage(try recorded.reader(name: RecordedRun.hostile).facts()).html()
        let browser = try open(page, in: recorded.folder, width: width)
        // The policy lets the page's own script run, and nothing that came in a name.
        try browser.wait(for: "document.querySelectorAll('[data-chart=generator_loss] path.training').length === 1")
        #expect(
            try browser.evaluate("document.querySelector('h1').textContent.startsWith('</script>')") as? Bool == true)
        let points = try browser.evaluate(
            "document.querySelector('[data-chart=generator_loss] path.training').getAttribute('d').split(/[ML]/).length - 1"
        )
        #expect(points as? Int == 40)
        let dots = try browser.evaluate("document.querySelectorAll('[data-chart=generator_loss] circle').length")
        #expect(dots as? Int == 4)
        #expect(try browser.evaluate("document.querySelectorAll('.sample .r del').length") as? Int == 1)
        #expect(
            try browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                as? Bool
                == true, "wider than the screen")
        #expect(
            try browser.evaluate("[...document.querySelectorAll('.chart')].every((chart) => chart.clientWidth > 250)")
                as? Bool
                == true)
    }

    @Test func theAxisIsSwitched() throws {
        let recorded = try RecordedRun()
        let browser = try open(try ReportPage(try recorded.reader().facts()).html(), in: recorded.folder, width: 1280)
        let label = "document.querySelector('[data-chart=generator_loss] .x-label').textContent"
        let ticks = "[...document.querySelectorAll('[data-chart=generator_loss] text')].map((text) => text.textContent)"
        try browser.wait(for: "\(label) === 'steps'")
        for (button, name, largest) in [
            ("tokens", "tokens", "40 k"), ("hours", "hours", "0.4"), ("step", "steps", "400"),
        ] {
            try browser.evaluate("document.querySelector('[data-axis=\(button)]').click()")
            #expect(try browser.evaluate(label) as? String == name)
            let shown = try browser.evaluate(ticks) as? [String] ?? []
            #expect(shown.contains(largest), "\(name): \(shown)")
            #expect(
                try browser.evaluate("document.querySelector('[data-axis=\(button)]').getAttribute('aria-pressed')")
                    as? String
                    == "true")
        }
        try browser.evaluate("document.querySelector('[data-log=x]').click()")
        #expect((try browser.evaluate(ticks) as? [String] ?? []).contains("100"))
    }

    @Test func aNewStepArrives() async throws {
        let recorded = try RecordedRun(ends: false)
        let server = try LiveServer(try recorded.reader(), options: .init(port: 0, token: "se cret"))
        try await Served.during(server) { (served: Served) async throws -> Void in
            let browser = try Browser()
            try browser.open("http://127.0.0.1:\(served.port)/?token=se%20cret")
            try browser.wait(for: "document.querySelector('.figure').textContent === '400'")
            // A page that is loaded again still knows its token.
            try browser.evaluate("document.querySelector('[data-axis=hours]').click(); location.reload()")
            try browser.wait(
                for: "document.querySelector('[data-axis=hours]')?.getAttribute('aria-pressed') === 'true'")
            try recorded.append(RecordedRun.metrics(41...50))
            try browser.wait(for: "document.querySelector('.figure').textContent === '500'")
            let points =
                "document.querySelector('[data-chart=generator_loss] path.training').getAttribute('d').split(/[ML]/).length - 1"
            #expect(try browser.evaluate(points) as? Int == 50)
            #expect(
                try browser.evaluate("document.querySelectorAll('[data-chart=generator_loss] circle').length") as? Int
                    == 5)
        }
    }

    @Test("What the page says of curves and counts in its navigation is of now") func newWordsArrive() async throws {
        let recorded = try RecordedRun(lines: 1700, ends: false)
        let server = try LiveServer(try recorded.reader(), options: .init(port: 0))
        try await Served.during(server) { (served: Served) async throws -> Void in
            let browser = try Browser()
            try browser.open("http://127.0.0.1:\(served.port)/")
            try browser.wait(for: "document.getElementById('curves-note').textContent.includes('1,700 lines')")
            try browser.wait(for: "document.querySelector('nav').textContent.includes('Alarms (2)')")
            // Controls of the curves stay as they are.
            try browser.evaluate("document.querySelector('[data-smooth]').dataset.old = 'yes'")
            try recorded.append(RecordedRun.metrics(1701...1800))
            try recorded.append(
                #"{"event":"warning","time":1700000300,"step":18000,"message":"another"}"# + "\n", to: "journal.jsonl")
            try browser.wait(for: "document.getElementById('curves-note').textContent.includes('1,800 lines')")
            try browser.wait(for: "document.querySelector('nav').textContent.includes('Alarms (3)')")
            // The held-out loss after line 1800.
            let label = "document.querySelector('[data-chart=generator_loss] .plot').getAttribute('aria-label')"
            #expect(try browser.evaluate("\(label).endsWith('to 0.005')") as? Bool == true)
            #expect(try browser.evaluate("document.querySelector('[data-smooth]').dataset.old") as? String == "yes")
        }
    }
}
