import Foundation
import Machine
import Synchronization
import TestSupport
import Testing

/// Which processors threads stay on where memory is near to some of them.
@Suite struct MemoryNodesTests {
    private func nodes(_ lists: [Int: String], allowed: Set<Int> = Set(0..<64)) throws -> MemoryNodes {
        let folder = try TemporaryFolder()
        for (node, list) in lists { try folder.write(list + "\n", to: "node\(node)/cpulist") }
        try folder.write("0-1\n", to: "online")
        return MemoryNodes(folder: folder.path, allowed: allowed)
    }

    @Test(arguments: [
        ("0-3", [0, 1, 2, 3]), ("0-1,8,10-11", [0, 1, 8, 10, 11]), ("7\n", [7]), ("", []), ("3-1", []), ("a-b,5", [5]),
        ("0-99999999", []),
    ])
    func lists(_ text: String, _ expected: [Int]) { #expect(MemoryNodes.list(text) == expected) }

    @Test("Each node gets as many threads as it has processors") func shares() throws {
        let machine = try nodes([0: "0-3,8-11", 1: "4-7,12-15"])
        #expect(machine.nodes == [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]])
        for count in [16, 32, 48] {
            let places = (0..<count).map { machine.processors(ofThread: $0, of: count) }
            #expect(places.prefix(count / 2).allSatisfy { $0 == machine.nodes[0] })
            #expect(places.suffix(count / 2).allSatisfy { $0 == machine.nodes[1] })
        }
    }

    @Test("The affinity mask takes processors away") func mask() throws {
        let machine = try nodes([0: "0-3", 1: "4-7", 2: "8-11"], allowed: [1, 2, 3, 9])
        #expect(machine.nodes == [[1, 2, 3], [9]])
        #expect((0..<4).map { machine.processors(ofThread: $0, of: 4) } == [[1, 2, 3], [1, 2, 3], [1, 2, 3], [9]])
    }

    @Test("Where there is nothing to gain or to know, threads are free") func free() throws {
        #expect(try nodes([0: "0-7"]).processors(ofThread: 0, of: 8) == nil)
        #expect(try nodes([0: "0-3", 1: "4-7"]).processors(ofThread: 0, of: 7) == nil)
        #expect(try nodes([:]).processors(ofThread: 0, of: 8) == nil)
        #expect(try nodes([0: "0-3", 1: ""]).processors(ofThread: 0, of: 4) == nil)
    }

    @Test("A thread that settles runs on its node alone") func settling() throws {
        let usable = MemoryNodes.usableProcessors
        try #require(!usable.isEmpty)
        // As if each processor had memory of its own.
        let lists = Dictionary(uniqueKeysWithValues: usable.enumerated().map { ($0, "\($1)") })
        let machine = try nodes(lists, allowed: Set(usable))
        for (place, processor) in usable.enumerated() {
            let seen = Mutex<[Int]>([])
            let thread = Thread {
                machine.settle(thread: place, of: usable.count)
                seen.withLock { $0 = MemoryNodes.usableProcessors }
            }
            thread.start()
            while !thread.isFinished { usleep(1000) }
            #expect(seen.withLock { $0 } == (usable.count > 1 ? [processor] : usable))
        }
        #expect(MemoryNodes.usableProcessors == usable)
    }
}
