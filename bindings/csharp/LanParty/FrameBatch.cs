using System;

namespace LanParty
{
    /// <summary>
    /// Frames side by side in memory that is used again and again: what <see cref="Port.Receive"/> fills and
    /// <see cref="Port.TrySend(FrameBatch, int)"/> sends. Making one is costly, using it allocates nothing.
    /// </summary>
    /// <remarks>For one thread at a time. What was received can be sent on as it is.</remarks>
    public sealed class FrameBatch : IDisposable
    {
        /// <summary>No frame is longer.</summary>
        public const int MaxFrame = 65535;

        private readonly byte[] bytes;
        private readonly lanparty_frame[] frames;
        private readonly long start;
        private int used;

        /// <summary>Room for so many frames of so many bytes together.</summary>
        public FrameBatch(int frames = 32, int bytes = 64 * 1024)
        {
            if (frames < 1) throw new ArgumentOutOfRangeException(nameof(frames));
            if (bytes < 14) throw new ArgumentOutOfRangeException(nameof(bytes));
            this.bytes = new byte[bytes];
            this.frames = new lanparty_frame[frames];
            Bytes = new PinnedMemory(this.bytes);
            Frames = new PinnedMemory(this.frames);
            start = Bytes.Address.ToInt64();
        }

        internal PinnedMemory Bytes { get; }

        internal PinnedMemory Frames { get; }

        /// <summary>How many frames are in it.</summary>
        public int Count { get; private set; }

        /// <summary>How many frames it can hold.</summary>
        public int Capacity => frames.Length;

        /// <summary>How many bytes it can hold.</summary>
        public int ByteCapacity => bytes.Length;

        /// <summary>A frame, in place: valid until the batch is filled again.</summary>
        public ArraySegment<byte> this[int index]
        {
            get
            {
                if ((uint)index >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(index));
                lanparty_frame frame = frames[index];
                return new ArraySegment<byte>(bytes, (int)(frame.data.ToInt64() - start), (int)frame.len);
            }
        }

        /// <summary>Copies a frame behind the others. False if there is no room for it.</summary>
        public bool TryAdd(ArraySegment<byte> frame)
        {
            Native.CheckSegment(frame, nameof(frame));
            if (Bytes.IsClosed) throw new ObjectDisposedException(nameof(FrameBatch));
            if (Count == frames.Length || bytes.Length - used < frame.Count) return false;
            Buffer.BlockCopy(frame.Array, frame.Offset, bytes, used, frame.Count);
            frames[Count] = new lanparty_frame { data = (IntPtr)(start + used), len = (uint)frame.Count };
            used += frame.Count;
            Count++;
            return true;
        }

        /// <summary>Copies a frame behind the others. False if there is no room for it.</summary>
        public bool TryAdd(byte[] frame) => TryAdd(new ArraySegment<byte>(Native.NotNull(frame, nameof(frame))));

        /// <summary>Empties it.</summary>
        public void Clear() => Filled(0);

        /// <summary>The library has written so many frames.</summary>
        internal void Filled(int count)
        {
            Count = count;
            used = 0;
            if (count == 0) return;
            lanparty_frame last = frames[count - 1];
            used = (int)(last.data.ToInt64() - start + last.len);
        }

        /// <summary>Gives the memory back, once no call uses it any more.</summary>
        public void Dispose()
        {
            Clear();
            Bytes.Dispose();
            Frames.Dispose();
        }
    }
}
