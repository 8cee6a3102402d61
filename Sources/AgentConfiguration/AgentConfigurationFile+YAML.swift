import SecureTransport

extension AgentConfigurationFile {
    /// What is in force, defaults included, as a file that is read again as the same.
    public var yaml: String {
        switch self {
        case .sender(let sender): sender.yaml
        case .receiver(let receiver): receiver.yaml
        }
    }
}

extension SenderConfiguration {
    fileprivate var yaml: String {
        var writer = YAMLWriter()
        writer.add("site", site)
        writer.add(store)
        writer.add(tls)
        writer.list("peers", peers) { writer, peer in
            writer.add("name", peer.name)
            writer.add("address", peer.address.description)
            writer.add("server-name", peer.serverName)
            writer.addRaw("limit", peer.limit.yaml)
        }
        writer.list("images", rules.rules) { writer, rule in
            writer.add(rule.settings == nil ? "exclude" : "match", rule.pattern.text)
            if let settings = rule.settings { writer.add(settings) }
        }
        writer.add("diff", mode.rawValue)
        writer.add("on-lost-base", onLostBase.rawValue)
        writer.add("parallel", "\(parallelCount)")
        writer.add("checkpoint-mib", "\(checkpointByteCount >> 20)")
        writer.add("compression", compression.text)
        writer.addRaw("limit", limit.yaml)
        writer.addRaw("read-limit", readLimit.yaml)
        writer.add("hold-base-max", holdBaseMax.description)
        writer.add("scan-every", scanEvery.description)
        writer.add(agent)
        return writer.text
    }
}

extension ReceiverConfiguration {
    fileprivate var yaml: String {
        var writer = YAMLWriter()
        writer.add("site", site)
        writer.add("listen", listen.description)
        writer.add(store)
        writer.add(tls)
        writer.list("clients", clients) { writer, client in
            writer.add("identity", client.identity)
            writer.addRaw("images", YAMLText.list(client.images.map(\.text)))
            writer.add("prefix", client.prefix)
            writer.add("pool", ifPresent: client.place)
            writer.addRaw("keep", client.keep.yaml)
            writer.add("connections-max", ifPresent: client.connectionCountMax?.description)
            writer.add("images-max", ifPresent: client.imageCountMax?.description)
            writer.add("bytes-max", ifPresent: client.byteCountMax?.description)
            if !client.seeded.isEmpty { writer.addRaw("seeded", YAMLText.list(client.seeded.map(\.text))) }
        }
        writer.add("connections-max", "\(connectionCountMax)")
        writer.add("checkpoint-seconds", "\(checkpointSeconds)")
        writer.add("block-within", blockWithin.description)
        writer.add(agent)
        return writer.text
    }
}

extension YAMLWriter {
    fileprivate mutating func add(_ settings: AgentSettings) {
        add("hang-after", settings.hangAfter.description)
        add("stop-within", settings.stopWithin.description)
        add("control", settings.control ?? "none")
        add("status-listen", settings.statusListen?.description ?? "none")
    }
}
