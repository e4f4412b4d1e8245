import Foundation
import TestSupport

/// A file system that remembers what was asked of it, and what of that a power cut may leave (as Pillai et al., "All File
/// Systems Are Not Created Equal", OSDI 2014, replay it).
///
/// Files and folders are things of their own, and names are entries of folders. What was written to a file is safe once the
/// file was synced, an entry once its folder was; everything else may be there or not, whatever came first, and a write also
/// in part or as zeros.
struct SimulatedDisk {
    typealias Node = Int

    private enum Change {
        case write(Node, offset: Int, [UInt8])
        case truncate(Node, Int)
        case enter(folder: Node, String, Node)
        case remove(folder: Node, String, Node)
        case move(from: Node, String, to: Node, String, Node)
        case sync(Node)

        /// What has to be synced for the change to be safe.
        var places: [Node] {
            switch self {
            case .write(let node, _, _), .truncate(let node, _): [node]
            case .enter(let folder, _, _), .remove(let folder, _, _): [folder]
            case .move(let from, _, let to, _, _): [from, to]
            case .sync: []
            }
        }
    }

    /// What is there of it.
    struct State {
        fileprivate(set) var folders: [Node: [String: Node]]
        fileprivate(set) var files: [Node: [UInt8]]

        /// Writes everything under a node to a real folder.
        func store(at path: String, node: Node = 0) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (name, child) in folders[node] ?? [:] {
                if folders[child] != nil {
                    try store(at: "\(path)/\(name)", node: child)
                } else {
                    try Data(files[child] ?? []).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
                }
            }
        }
    }

    /// What becomes of what is not safe.
    enum Loss: String, CaseIterable {
        /// Nothing is lost.
        case nothing
        /// Everything is.
        case everything
        /// Names are there, and what was written is not.
        case data
        /// Files have their sizes, and zeros in them.
        case zeros
        /// What was written is there, and names are not.
        case names
        /// Each thing or not, writes torn or zeros.
        case anything
    }

    private let initial: State
    private var changes: [Change] = []

    /// How many changes, syncs included, there are: the moments at which the power may go.
    var count: Int { changes.count }

    /// - Parameters:
    ///   - base: what the folder holds, all of it safe.
    ///   - root: the folder's name in the calls.
    init(base: String, root: String, calls: [RecordedCall]) throws {
        var initial = State(folders: [:], files: [:])
        var next = 0
        _ = Self.load(base, into: &initial, &next)
        self.initial = initial
        var now = initial
        var handles: [Int64: Node] = [:]
        func place(_ path: String) throws -> (folder: Node, name: String) {
            guard path.hasPrefix(root + "/") else { throw Finding("\(path) is not in \(root)") }
            var parts = path.dropFirst(root.count).split(separator: "/").map(String.init)[...]
            let name = parts.removeLast()
            let folder = try parts.reduce(0) { node, part in
                guard let child = now.folders[node]?[part] else { throw Finding("\(path): \(part) is not known") }
                return child
            }
            return (folder, name)
        }
        for call in calls {
            var new: [Change] = []
            switch call.kind {
            case .open where call.path == root: handles[call.handle] = 0
            case .open:
                let (folder, name) = try place(call.path)
                if let node = now.folders[folder]?[name] {
                    handles[call.handle] = node
                    if call.offset & Int64(O_TRUNC) != 0 { new = [.truncate(node, 0)] }
                } else {
                    now.files[next] = []
                    handles[call.handle] = next
                    new = [.enter(folder: folder, name, next)]
                    next += 1
                }
            case .write:
                if let node = handles[call.handle] { new = [.write(node, offset: Int(call.offset), call.data)] }
            case .truncate: if let node = handles[call.handle] { new = [.truncate(node, Int(call.offset))] }
            case .sync: if let node = handles[call.handle] { new = [.sync(node)] }
            case .makeFolder:
                let (folder, name) = try place(call.path)
                now.folders[next] = [:]
                new = [.enter(folder: folder, name, next)]
                next += 1
            case .remove:
                let (folder, name) = try place(call.path)
                if let node = now.folders[folder]?[name] { new = [.remove(folder: folder, name, node)] }
            case .rename:
                let (from, to) = (try place(call.path), try place(call.other))
                if let node = now.folders[from.folder]?[from.name] {
                    new = [.move(from: from.folder, from.name, to: to.folder, to.name, node)]
                }
            }
            for change in new { Self.apply(change, to: &now) }
            changes += new
        }
        everyNode = now
    }

    /// All that ever was, as it was last.
    private var everyNode = State(folders: [:], files: [:])

    private static func load(_ path: String, into state: inout State, _ next: inout Node) -> Node {
        let node = next
        next += 1
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard isFolder.boolValue else {
            state.files[node] = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
            return node
        }
        var entries: [String: Node] = [:]
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() {
            entries[name] = load("\(path)/\(name)", into: &state, &next)
        }
        state.folders[node] = entries
        return node
    }

    private static func apply(_ change: Change, to state: inout State) {
        switch change {
        case .write(let node, let offset, let bytes):
            var file = state.files[node] ?? []
            if file.count < offset + bytes.count {
                file += [UInt8](repeating: 0, count: offset + bytes.count - file.count)
            }
            file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            state.files[node] = file
        case .truncate(let node, let size):
            let file = state.files[node] ?? []
            state.files[node] = Array(file.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - file.count))
        case .enter(let folder, let name, let node): state.folders[folder, default: [:]][name] = node
        case .remove(let folder, let name, let node):
            if state.folders[folder]?[name] == node { state.folders[folder]?[name] = nil }
        case .move(let from, let old, let to, let new, let node):
            if state.folders[from]?[old] == node { state.folders[from]?[old] = nil }
            state.folders[to, default: [:]][new] = node
        case .sync: break
        }
    }

    /// What a power cut behind the first `count` changes leaves.
    func state(after count: Int, losing loss: Loss, _ random: inout SplitMix64) -> State {
        var state = initial
        // Things exist, empty, whether or not a name leads to them.
        for node in everyNode.folders.keys where state.folders[node] == nil { state.folders[node] = [:] }
        for node in everyNode.files.keys where state.files[node] == nil { state.files[node] = [] }
        var synced: Set<Node> = []
        var safe = [Bool](repeating: false, count: count)
        for index in (0..<count).reversed() {
            if case .sync(let node) = changes[index] { synced.insert(node) }
            safe[index] = changes[index].places.contains { synced.contains($0) }
        }
        for index in 0..<count {
            let change = changes[index]
            if safe[index] {
                Self.apply(change, to: &state)
                continue
            }
            switch change {
            case .write(let node, let offset, let bytes):
                if let kept = Self.kept(bytes, loss, &random) {
                    Self.apply(.write(node, offset: offset, kept), to: &state)
                }
            case .truncate:
                if loss == .nothing || loss == .names || (loss == .anything && Bool.random(using: &random)) {
                    Self.apply(change, to: &state)
                }
            default:
                if loss != .everything, loss != .names, loss != .anything || Bool.random(using: &random) {
                    Self.apply(change, to: &state)
                }
            }
        }
        return state
    }

    /// What is left of a write that is not safe; nil: nothing.
    private static func kept(_ bytes: [UInt8], _ loss: Loss, _ random: inout SplitMix64) -> [UInt8]? {
        switch loss {
        case .nothing, .names: return bytes
        case .everything, .data: return nil
        case .zeros: return [UInt8](repeating: 0, count: bytes.count)
        case .anything:
            let sectors = bytes.count / 512
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return nil
            case 1: return bytes
            case 2: return Array(bytes.prefix(512 * Int.random(in: 0...sectors, using: &random)))
            default:
                var torn = bytes
                for sector in 0...sectors where Bool.random(using: &random) {
                    for index in (512 * sector)..<min(512 * sector + 512, bytes.count) { torn[index] = 0 }
                }
                return torn
            }
        }
    }
}
