! Columns of air from pole to pole, dealt out to MPI ranks. Each rank has its own instance of the library
! of a trained emulator of gravity wave drag.
!
!   mpirun -n RANKS ranks LEVELS COLUMNS OUTPUT [REPEATS]
!
! Columns lie in blocks of 64, and a rank gets whole blocks. So every block is computed by the same call
! on any number of ranks, and the results are the same to the bit. OUTPUT gets the tendencies of both
! winds, (column of a block, level, wind, block) in double precision; the last block is filled with 0.
program ranks
  use, intrinsic :: iso_fortran_env, only: error_unit, int64, real64
  use mpi_f08
  use gwd_drag_library
  implicit none
  integer, parameter :: nproma = 64
  real(real64), parameter :: pi = acos(-1.0_real64)
  real(real64), allocatable, dimension(:, :, :) :: u, v, temperature
  real(real64), allocatable, dimension(:, :) :: surface_pressure, latitude
  real(real64), allocatable :: tendencies(:, :, :, :), all_tendencies(:, :, :, :)
  real(real64), allocatable :: speeds(:, :)  ! columns per second of the clock and of the processor
  real(real64) :: wall, processor, now
  integer, allocatable :: before(:)  ! blocks of the ranks before
  integer :: levels, columns, repeats, blocks, count, rank, own, block, repeat, n, unit, status

  call MPI_Init()
  call MPI_Comm_size(MPI_COMM_WORLD, count)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  if (command_argument_count() /= 3 .and. command_argument_count() /= 4) &
    call stop_with("usage: ranks LEVELS COLUMNS OUTPUT [REPEATS]")
  levels = number(1)
  columns = number(2)
  repeats = 1
  if (command_argument_count() == 4) repeats = number(4)
  blocks = (columns + nproma - 1) / nproma
  before = [(int(int(blocks, int64) * n / count), n=0, count)]
  own = before(rank + 2) - before(rank + 1)

  allocate (u(nproma, levels, own), v(nproma, levels, own), temperature(nproma, levels, own))
  allocate (surface_pressure(nproma, own), latitude(nproma, own), tendencies(nproma, levels, 2, own))
  tendencies = 0
  do block = 1, own
    call draw(block)
  end do
  call gwd_drag_load(status)
  if (status /= 0) call stop_with(gwd_drag_message())
  call MPI_Barrier(MPI_COMM_WORLD)
  wall = MPI_Wtime()
  call cpu_time(processor)
  do repeat = 1, repeats
    do block = 1, own
      call gwd_drag_nproma(columns_of(block), u(:, :, block), v(:, :, block), temperature(:, :, block), &
                           surface_pressure(:, block), latitude(:, block), &
                           tendencies(:, :, 1, block), tendencies(:, :, 2, block), status)
      if (status /= 0) call stop_with(gwd_drag_message())
    end do
  end do
  call cpu_time(now)
  processor = now - processor
  wall = MPI_Wtime() - wall

  allocate (all_tendencies(nproma, levels, 2, merge(blocks, 0, rank == 0)), speeds(2, count))
  n = nproma * levels * 2
  call MPI_Gatherv(tendencies, n * own, MPI_DOUBLE_PRECISION, &
                   all_tendencies, n * (before(2:) - before(:count)), n * before(:count), &
                   MPI_DOUBLE_PRECISION, 0, MPI_COMM_WORLD)
  n = sum([(columns_of(block), block=1, own)]) * repeats
  call MPI_Gather([n / wall, n / processor], 2, MPI_DOUBLE_PRECISION, &
                  speeds, 2, MPI_DOUBLE_PRECISION, 0, MPI_COMM_WORLD)
  if (rank == 0) then
    open (newunit=unit, file=argument(3), form="unformatted", access="stream", status="new", &
          action="write", iostat=status)
    if (status /= 0) call stop_with(argument(3)//": expected a new file that can be written")
    write (unit) all_tendencies
    close (unit)
    do n = 1, count
      write (*, "(a, i0, 2(a, i0), a)") "rank ", n - 1, ": ", nint(speeds(1, n), int64), &
        " columns/s, ", nint(speeds(2, n), int64), " per second of its processor"
    end do
  end if
  call MPI_Finalize()

contains

  ! The columns of one of the rank's own blocks.
  integer function columns_of(block)
    integer, intent(in) :: block
    columns_of = min(nproma, columns - (before(rank + 1) + block - 1) * nproma)
  end function columns_of

  ! A westerly jet in either hemisphere, with waves.
  subroutine draw(block)
    integer, intent(in) :: block
    real(real64) :: north, height
    integer :: i, k, place
    do i = 1, columns_of(block)
      place = (before(rank + 1) + block - 1) * nproma + i
      north = pi * ((place - 0.5_real64) / columns - 0.5_real64)
      latitude(i, block) = north * 180 / pi
      surface_pressure(i, block) = 1e5_real64 + 1e3_real64 * sin(7 * north)
      do k = 1, levels
        height = 1 - real(k - 1, real64) / levels
        u(i, k, block) = 40 * sin(2 * north)**2 * sin(pi * height) + 5 * cos(place + 9 * height)
        v(i, k, block) = 5 * sin(2 * place + 11 * height)
        temperature(i, k, block) = 210 + 80 * (1 - height)**4 + 20 * cos(north) * (1 - height)
      end do
    end do
  end subroutine draw

  integer function number(i)
    integer, intent(in) :: i
    character(len=:), allocatable :: text
    text = argument(i)
    read (text, *, iostat=status) number
    if (status /= 0) number = 0
    if (number < 1) call stop_with("expected a number from 1, found "//text)
  end function number

  function argument(i) result(text)
    integer, intent(in) :: i
    character(len=:), allocatable :: text
    integer :: length
    call get_command_argument(i, length=length)
    allocate (character(len=length) :: text)
    call get_command_argument(i, text)
  end function argument

  ! End all ranks: they would wait for this one.
  subroutine stop_with(text)
    character(len=*), intent(in) :: text
    write (error_unit, "(a, i0, 2a)") "rank ", rank, ": ", text
    flush (error_unit)
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine stop_with

end program ranks
