import CProcessor
import Foundation

/// Processors by the memory that is near them (NUMA), and which of them a thread should stay on.
///
/// Threads that move to another node leave behind the activations and gradients that they have touched first. Within a node they
/// may move: the system knows better which core is free.
public struct MemoryNodes: Sendable, Equatable {
    /// Processors of each node that this process may run on; nodes without one are left out.
    public let nodes: [[Int]]

    /// Of this machine, as far as the affinity mask allows.
    public static let current = MemoryNodes(
        folder: "/sys/devices/system/node", allowed: Set(usableProcessors))

    /// Processors that this process may run on, by its affinity mask; empty where that is not known.
    package static var usableProcessors: [Int] {
        var processors = [Int32](repeating: 0, count: 1 << 16)
        let count = processor_usable(&processors, Int32(processors.count))
        return processors.prefix(Int(count)).map { Int($0) }
    }

    /// - Parameters:
    ///   - folder: of nodes, as Linux has it; one node where it is not there.
    ///   - allowed: processors that the process may run on.
    package init(folder: String, allowed: Set<Int>) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let numbers = names.compactMap { $0.hasPrefix("node") ? Int($0.dropFirst(4)) : nil }.sorted()
        nodes = numbers.compactMap { number in
            guard let data = FileManager.default.contents(atPath: "\(folder)/node\(number)/cpulist") else { return nil }
            let processors = Self.list(String(decoding: data, as: UTF8.self)).filter(allowed.contains)
            return processors.isEmpty ? nil : processors
        }
    }

    /// Numbers of a list such as "0-3,8,10-11"; what is not one is passed over.
    package static func list(_ text: String) -> [Int] {
        text.split { $0 == "," || $0.isWhitespace }.flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else { return [] }
            return Array(first...last)
        }
    }

    /// Processors that one of several threads should stay on: those of a node, which gets as many threads as its share of the
    /// processors.
    ///
    /// - Returns: nil where all processors are alike, or there is no telling how many threads compute beside these: with fewer
    ///   threads than processors another process may have some of the nodes.
    public func processors(ofThread thread: Int, of count: Int) -> [Int]? {
        let total = nodes.reduce(0) { $0 + $1.count }
        guard nodes.count > 1, count >= total else { return nil }
        var place = thread * total / count
        for node in nodes {
            if place < node.count { return node }
            place -= node.count
        }
        return nil
    }

    /// Makes the calling thread, one of several, stay on its node.
    public func settle(thread: Int, of count: Int) {
        guard let processors = processors(ofThread: thread, of: count) else { return }
        processor_stay_on(processors.map { Int32($0) }, Int32(processors.count))
    }
}
