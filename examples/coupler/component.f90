! The ocean's side of a coupling in Fortran, for hosts under OASIS or YAC: the module keeps the fields,
! sums the states of the sea over the steps of the host, and computes the fluxes of their means once
! an exchange.
!
!   component STATES FLUXES
!
! Here `get` and `put` read and write files: `python -m wmed.online.states` writes STATES, and FLUXES
! gets the seven fluxes of each exchange, (point) in double precision. In a host they are
!
!   OASIS   call oasis_get(id, seconds, wind_x(1, :), info)      call oasis_put(id, seconds, heat, info)
!   YAC     call yac_fget(id, levels, wind_x, info, ierror)      call yac_fput(id, points, 1, heat, info, ierror)
module sea_component
  use, intrinsic :: iso_fortran_env, only: real64
  use sea_fluxes_library, only: sea_fluxes, sea_fluxes_message
  implicit none
  private
  public :: begin, accumulate, compute, message

  ! Received: profiles are (level, point) with the lowest level first, winds along the ocean's axes.
  real(real64), allocatable, dimension(:, :), public :: wind_x, wind_y  ! m/s
  real(real64), allocatable, dimension(:, :), public :: temperature     ! potential, K
  real(real64), allocatable, dimension(:, :), public :: mixing_ratio    ! kg/kg
  real(real64), allocatable, dimension(:, :), public :: pressure        ! Pa
  real(real64), allocatable, dimension(:), public :: cos_zenith         ! 1
  real(real64), allocatable, dimension(:), public :: toa_shortwave      ! W/m2
  ! To be sent, or to drive the host: positive into the sea.
  real(real64), allocatable, dimension(:), public :: tau_x, tau_y       ! N/m2
  real(real64), allocatable, dimension(:), public :: shortwave, longwave, latent, sensible, heat  ! W/m2

  real(real64), allocatable :: sums(:, :)  ! (point, 3): temperature, currents of the sea
  integer :: steps = 0
  character(len=512) :: message = ""

contains

  subroutine begin(points, levels)
    integer, intent(in) :: points, levels
    allocate (wind_x(levels, points), wind_y(levels, points), temperature(levels, points))
    allocate (mixing_ratio(levels, points), pressure(levels, points))
    allocate (cos_zenith(points), toa_shortwave(points), tau_x(points), tau_y(points))
    allocate (shortwave(points), longwave(points), latent(points), sensible(points), heat(points))
    allocate (sums(points, 3), source=0.0_real64)
  end subroutine begin

  ! Of each step of the host: K and m/s along the ocean's axes, at the points where temperature is.
  subroutine accumulate(sea_temperature, current_x, current_y)
    real(real64), intent(in), dimension(:) :: sea_temperature, current_x, current_y
    sums(:, 1) = sums(:, 1) + sea_temperature
    sums(:, 2) = sums(:, 2) + current_x
    sums(:, 3) = sums(:, 3) + current_y
    steps = steps + 1
  end subroutine accumulate

  ! The fluxes of the means; status 0, or a message.
  subroutine compute(status)
    integer, intent(out) :: status
    status = 1
    message = "compute: no step was accumulated since the last exchange"
    if (steps == 0) return
    sums = sums / steps
    call sea_fluxes(size(heat), wind_x, wind_y, temperature, mixing_ratio, pressure, &
                    sums(:, 1), sums(:, 2), sums(:, 3), cos_zenith, toa_shortwave, &
                    tau_x, tau_y, shortwave, longwave, latent, sensible, heat, status)
    message = sea_fluxes_message()
    sums = 0
    steps = 0
  end subroutine compute

end module sea_component

program component
  use, intrinsic :: iso_fortran_env, only: error_unit, int32, real64
  use sea_component
  implicit none
  integer(int32) :: sizes(4)  ! points, levels, exchanges, steps between two of them
  real(real64), allocatable :: sea(:, :)
  integer :: exchange, step, states, results, status
  character(len=1024) :: path

  if (command_argument_count() /= 2) call stop_with("usage: component STATES FLUXES")
  call get_command_argument(1, path)
  open (newunit=states, file=trim(path), form="unformatted", access="stream", status="old", &
        action="read", iostat=status)
  if (status /= 0) call stop_with("cannot read "//trim(path))
  read (states, iostat=status) sizes
  if (status /= 0 .or. any(sizes < 1)) call stop_with("no file of states: "//trim(path))
  call begin(sizes(1), sizes(2))
  allocate (sea(sizes(1), 3))
  call get_command_argument(2, path)
  open (newunit=results, file=trim(path), form="unformatted", access="stream", status="new", &
        action="write", iostat=status)
  if (status /= 0) call stop_with("expected a new file, found "//trim(path))
  do exchange = 1, sizes(3)
    call get()
    do step = 1, sizes(4)
      read (states, iostat=status) sea
      if (status /= 0) call stop_with("STATES ends early")
      call accumulate(sea(:, 1), sea(:, 2), sea(:, 3))
    end do
    call compute(status)
    if (status /= 0) call stop_with(trim(message))
    call put()
  end do

contains

  subroutine get()
    read (states, iostat=status) wind_x, wind_y, temperature, mixing_ratio, pressure, &
      cos_zenith, toa_shortwave
    if (status /= 0) call stop_with("STATES ends early")
  end subroutine get

  subroutine put()
    write (results) tau_x, tau_y, shortwave, longwave, latent, sensible, heat
  end subroutine put

  subroutine stop_with(text)
    character(len=*), intent(in) :: text
    write (error_unit, "(a)") text
    stop 1
  end subroutine stop_with

end program component
