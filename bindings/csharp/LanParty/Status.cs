namespace LanParty
{
    // The numbers are those of include/lanparty.h. A number that is none of these is possible: a newer library may know
    // more.

    /// <summary>What a call came to: 0 done, positive no error, negative an error.</summary>
    public enum LanPartyStatus
    {
        /// <summary>Done.</summary>
        Ok = 0,
        /// <summary>Nothing could be done within the timeout; try again.</summary>
        WouldBlock = 1,
        /// <summary>There will never be more.</summary>
        End = 2,
        /// <summary>The buffer is too small; nothing is lost.</summary>
        Truncated = 3,
        /// <summary>The server name can be in no certificate.</summary>
        ServerName = -1,
        /// <summary>The session was closed while it began.</summary>
        Cancelled = -2,
        /// <summary>The text is no address of a relay, or to listen on.</summary>
        Address = -3,
        /// <summary>The text is no room code.</summary>
        RoomCode = -4,
        /// <summary>The text is no MAC address.</summary>
        MacAddress = -5,
        /// <summary>The call was made outside a tokio runtime.</summary>
        NoRuntime = -6,
        /// <summary>No interface may have this name.</summary>
        InterfaceName = -7,
        /// <summary>The port's MTU is out of range, or below what the session has promised.</summary>
        Mtu = -8,
        /// <summary>The session is over.</summary>
        SessionOver = -9,
        /// <summary>A pointer that must not be null is.</summary>
        Null = -50,
        /// <summary>A number is out of range, or no value of its enumeration.</summary>
        InvalidArg = -51,
        /// <summary>A text is not UTF-8.</summary>
        NotUtf8 = -52,
        /// <summary>A struct size is smaller than that of version 1.</summary>
        StructSize = -53,
        /// <summary>A call that may wait, or a close, from inside a callback.</summary>
        Reentrant = -54,
        /// <summary>The handle has been closed.</summary>
        Closed = -55,
        /// <summary>The port is bridged to a session already.</summary>
        PortInUse = -56,
        /// <summary>The handle belongs to the parent process.</summary>
        Forked = -57,
        /// <summary>No such setting; the message names the nearest.</summary>
        UnknownKey = -58,
        /// <summary>The setting's value is wrong, or the TOML is; the message names the line.</summary>
        BadValue = -59,
        /// <summary>A required setting was not given; the message names it.</summary>
        Missing = -60,
        /// <summary>No such room or member.</summary>
        NotFound = -61,
        /// <summary>A frame is shorter than 14 or longer than 65535 bytes.</summary>
        FrameLength = -62,
        /// <summary>Not for this kind of port.</summary>
        WrongPort = -63,
        /// <summary>The process already has a log of its own.</summary>
        Logger = -64,
        /// <summary>No UDP socket could be opened on this host.</summary>
        Bind = -101,
        /// <summary>The port failed before the member was in.</summary>
        Port = -102,
        /// <summary>The way to the relay could not be kept out of the tunnel.</summary>
        Route = -103,
        /// <summary>This process may not do that.</summary>
        NotPermitted = -104,
        /// <summary>Another program has the UDP port.</summary>
        AddressInUse = -105,
        /// <summary>There is no such interface, or it went away.</summary>
        InterfaceMissing = -106,
        /// <summary>A wireless interface cannot be bridged.</summary>
        InterfaceWireless = -107,
        /// <summary>The interface is down.</summary>
        InterfaceDown = -108,
        /// <summary>The interface has no carrier.</summary>
        InterfaceNoCarrier = -109,
        /// <summary>The interface is no Ethernet that could be bridged.</summary>
        InterfaceNotEthernet = -110,
        /// <summary>Another program uses an adapter of this name.</summary>
        AdapterBusy = -111,
        /// <summary>The adapter's driver is missing.</summary>
        DriverMissing = -112,
        /// <summary>A certificate or key could not be read, used, made or written.</summary>
        CertificateFile = -113,
        /// <summary>The identity file could not be read, used, made or written.</summary>
        IdentityFile = -114,
        /// <summary>The system refused for another reason.</summary>
        System = -115,
        /// <summary>This system cannot do that.</summary>
        Unsupported = -116,
        /// <summary>There are several adapters, and none was chosen.</summary>
        AdapterAmbiguous = -117,
        /// <summary>The adapter is switched off.</summary>
        AdapterDisabled = -118,
        /// <summary>The adapter does not take the member's MAC address.</summary>
        AdapterMac = -119,
        /// <summary>The adapter's driver is too old.</summary>
        DriverOld = -120,
        /// <summary>The relay's name has no address.</summary>
        Resolve = -201,
        /// <summary>Nobody answered.</summary>
        Unreachable = -202,
        /// <summary>A connection did not come about for another reason.</summary>
        Connect = -203,
        /// <summary>The relay closed the connection.</summary>
        PeerClosed = -204,
        /// <summary>The other side is no working relay.</summary>
        Protocol = -205,
        /// <summary>The certificate is for another name.</summary>
        CertificateName = -301,
        /// <summary>The certificate's issuer is not trusted.</summary>
        CertificateUnknown = -302,
        /// <summary>The certificate is not valid now.</summary>
        CertificateExpired = -303,
        /// <summary>The certificate cannot be used for another reason.</summary>
        CertificateBad = -304,
        /// <summary>The relay speaks another protocol version.</summary>
        VersionMismatch = -305,
        /// <summary>The relay takes no QUIC datagrams.</summary>
        NoDatagrams = -306,
        /// <summary>The room has no free place.</summary>
        RoomFull = -401,
        /// <summary>The room already has a gateway.</summary>
        GatewayPresent = -402,
        /// <summary>Another member, or a machine on the LAN, uses the same MAC address.</summary>
        DuplicateMac = -403,
        /// <summary>A client's MAC address must be unicast and locally administered.</summary>
        BadMac = -404,
        /// <summary>The port carries smaller frames than the room.</summary>
        MtuTooSmall = -405,
        /// <summary>The connection's datagrams are too small for the room.</summary>
        BudgetTooSmall = -406,
        /// <summary>The relay has no room for more.</summary>
        RelayFull = -407,
        /// <summary>Refused for a reason this version does not know.</summary>
        Refused = -499,
        /// <summary>A bug inside; the handle answers nothing else from now on.</summary>
        Panic = -900,
    }

    /// <summary>Whose fault it was, coarsely.</summary>
    public enum ErrorKind
    {
        /// <summary>The call was wrong.</summary>
        Usage = 1,
        /// <summary>This host: permissions, devices, files.</summary>
        Environment = 2,
        /// <summary>The network between.</summary>
        Network = 3,
        /// <summary>Certificates.</summary>
        Trust = 4,
        /// <summary>Versions that do not go together.</summary>
        Incompatible = 5,
        /// <summary>The other side breaks the protocol.</summary>
        Protocol = 6,
        /// <summary>The relay or the room said no.</summary>
        Refused = 7,
        /// <summary>It was called off.</summary>
        Cancelled = 8,
        /// <summary>A bug of the library.</summary>
        Internal = 9,
    }
}
