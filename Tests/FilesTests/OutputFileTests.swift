import Files
import Foundation
import TestSupport
import Testing

@Suite struct OutputFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func aFileAppearsWholeAndKeepsItsRights() throws {
        try folder.write("old", to: "a.txt")
        chmod(folder("a.txt"), 0o600)
        try OutputFile(checking: folder("a.txt")).write("new")
        #expect(try folder.text("a.txt") == "new")
        var status = stat()
        #expect(stat(folder("a.txt"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        try OutputFile(checking: folder("b.txt")).write("fresh")
        #expect(folder.names() == ["a.txt", "b.txt"])
    }

    @Test func whatKilledWritersHaveLeftIsClearedAway() throws {
        try folder.write("half", to: ".a.txt.partial-1")
        try folder.write("half", to: ".a.txt.partial-2")
        try folder.write("half", to: ".b.txt.partial-1")
        try folder.write("half", to: ".c.txt.partial-1/folder")
        // One that is still written.
        let other = open(folder(".a.txt.partial-2"), O_RDONLY)
        #expect(flock(other, LOCK_EX) == 0)
        try OutputFile(checking: folder("a.txt")).write("new")
        #expect(folder.names() == [".a.txt.partial-2", ".b.txt.partial-1", ".c.txt.partial-1", "a.txt"])
        close(other)
        try OutputFile(checking: folder("a.txt")).write("newer")
        PartialName.clear(besides: folder("c.txt"))
        #expect(folder.names() == [".b.txt.partial-1", "a.txt"])
        #expect(try folder.text("a.txt") == "newer")
    }

    @Test func partsMakeAFileOrNothing() throws {
        struct Broken: Error {}
        let file = try OutputFile(checking: folder("a.txt"))
        func put(_ text: String, _ put: (UnsafeRawBufferPointer) throws -> Void) throws {
            try Array(text.utf8).withUnsafeBytes { try put($0) }
        }
        try file.writeInParts { part in for text in ["one ", "", "two"] { try put(text, part) } }
        #expect(try folder.text("a.txt") == "one two")
        #expect(throws: Broken.self) {
            try file.writeInParts { part in
                try put("half", part)
                throw Broken()
            }
        }
        #expect(try folder.text("a.txt") == "one two" && folder.names() == ["a.txt"])
    }

    @Test func linksStayLinks() throws {
        try folder.write("old", to: "there/real.txt")
        try folder.link("link", to: "there/real.txt")
        try OutputFile(checking: folder("link")).write("new")
        #expect(try folder.text("there/real.txt") == "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("link")) == "there/real.txt")
        // A link to a name that is not there yet.
        try folder.link("dangling", to: "there/later.txt")
        try OutputFile(checking: folder("dangling")).write("first")
        #expect(try folder.text("there/later.txt") == "first")
        try folder.link("loop", to: "loop")
        #expect(throws: FileFailure.self) { _ = try OutputFile(checking: folder("loop")) }
    }

    @Test func pipesAndDevicesStayWhatTheyAre() throws {
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        let reader = open(folder("pipe"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try OutputFile(checking: folder("pipe")).write("through")
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(reader, &bytes, 16) == 7)
        var status = stat()
        #expect(stat(folder("pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        try OutputFile(checking: "/dev/null").write("nothing")
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        #expect(throws: FileFailure.self) { try OutputFile(checking: "/dev/full").write("nothing") }
    }

    @Test func whatCannotBeWrittenIsToldBeforehandWithTheReason() throws {
        try folder.write("a file", to: "file")
        try folder.write("", to: "inside/x")
        func problem(_ path: String) -> String {
            do {
                _ = try OutputFile(checking: path)
                return "none"
            } catch { return "\(error)" }
        }
        #expect(problem("").contains("the name is empty"))
        #expect(problem(folder("inside")).contains("name a file in it"))
        #expect(problem(folder("new/")).contains("name a file in it"))
        #expect(problem(folder("missing/a.svg")).contains("No such file or directory"))
        #expect(problem(folder("file/a.svg")).contains("Not a directory"))
        #expect(problem(folder(String(repeating: "n", count: 300))).contains("too long"))
        #expect(folder.names() == ["file", "inside"])
    }
}

@Suite struct OutputFolderTests {
    @Test func foldersAreMadeOrTheReasonIsGiven() throws {
        let folder = try TemporaryFolder()
        try OutputFolder.create(folder("a/b/c"))
        try OutputFolder.create(folder("a/b/c"))
        #expect(folder.names("a/b") == ["c"])
        try folder.write("", to: "file")
        for path in [folder("file"), folder("file/x"), "", "/proc/none/x"] {
            #expect(throws: FileFailure.self) { try OutputFolder.create(path) }
        }
        do {
            try OutputFolder.check(folder("file/x"))
        } catch { #expect("\(error)".contains("is not a folder"), "\(error)") }
    }

    @Test func theHomeFolderIsFoundWhereNoShellDoes() {
        let home = ProcessInfo.processInfo.environment["HOME"] ?? "/root"
        #expect(HomeFolder.expanded("~/runs") == home + "/runs")
        #expect(HomeFolder.expanded("~") == home)
        #expect(HomeFolder.expanded("~root/x").hasSuffix("/x") && HomeFolder.expanded("~root/x").hasPrefix("/"))
        #expect(HomeFolder.expanded("~nobody-of-this-name/x") == "~nobody-of-this-name/x")
        #expect(HomeFolder.expanded("a/~/b") == "a/~/b")
    }
}
