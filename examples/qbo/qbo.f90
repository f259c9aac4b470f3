! The quasi-biennial oscillation of a column of air over the equator, with a trained emulator of
! gravity wave drag in the loop: the column of weather_forecast/gwd/online/column.py, in Fortran.
!
!   qbo COLUMN YEARS OUTPUT
!
! COLUMN holds the model's numbers, as `python -m weather_forecast.gwd.online.host` writes them.
! OUTPUT gets the zonal-mean wind after every step, (level, step) in double precision.
!
!   du/dt + w du/dz = 1/rho d/dz (rho K du/dz) + drag(u) - (u - u_s) / tau_s - u / tau_t
!
! after Holton & Lindzen (1972) and Plumb (1977). The drag is explicit, all else implicit.
program qbo
  use, intrinsic :: iso_fortran_env, only: real64, error_unit
  use gwd_drag_library
  implicit none
  real(real64), parameter :: pi = acos(-1.0_real64), day = 86400, year = 365.25_real64
  real(real64) :: surface_pressure, latitude, time_step, upwelling, annual_cycle, diffusivity
  real(real64) :: kelvin_amplitude, kelvin_period, rossby_gravity_amplitude, rossby_gravity_period
  real(real64) :: vertical_wavelength, semiannual_amplitude, semiannual_base, semiannual_depth
  real(real64) :: semiannual_time, tropopause, tropopause_depth, troposphere_time
  real(real64) :: initial_amplitude, gravity, scale_height, years
  real(real64), allocatable, dimension(:) :: p_half, z, temperature, u, rate, lower, main, upper
  real(real64), allocatable, dimension(:) :: ascent_lower, ascent_main, ascent_upper, forcing
  real(real64), allocatable, dimension(:, :) :: wind_u, wind_v, profile, du_dt, dv_dt
  integer :: levels, steps, step, unit, status
  character(len=1024) :: argument

  namelist /column/ levels, surface_pressure, latitude, time_step, upwelling, annual_cycle, &
    diffusivity, kelvin_amplitude, kelvin_period, rossby_gravity_amplitude, &
    rossby_gravity_period, vertical_wavelength, semiannual_amplitude, semiannual_base, &
    semiannual_depth, semiannual_time, tropopause, tropopause_depth, troposphere_time, &
    initial_amplitude, gravity, scale_height

  if (command_argument_count() /= 3) call stop_with("usage: qbo COLUMN YEARS OUTPUT")
  call get_command_argument(1, argument)
  open (newunit=unit, file=trim(argument), status="old", action="read", iostat=status)
  if (status /= 0) call stop_with("cannot read "//trim(argument))
  read (unit, nml=column)
  allocate (p_half(levels + 1), z(levels), temperature(levels), u(levels), rate(levels))
  read (unit, *) p_half, z, temperature
  close (unit)
  call get_command_argument(2, argument)
  read (argument, *, iostat=status) years
  if (status /= 0) call stop_with("YEARS: expected a number, found "//trim(argument))
  steps = nint(years * year * day / time_step)

  allocate (lower(levels), main(levels), upper(levels), forcing(levels))
  allocate (ascent_lower(levels), ascent_main(levels), ascent_upper(levels))
  call assemble()
  allocate (wind_u(levels, 1), wind_v(levels, 1), profile(levels, 1))
  allocate (du_dt(levels, 1), dv_dt(levels, 1))
  profile(:, 1) = temperature
  ! A westerly below an easterly.
  u = (z - tropopause) / (semiannual_base - tropopause)
  u = initial_amplitude * sin(2 * pi * min(max(u, 0.0_real64), 1.0_real64))

  call get_command_argument(3, argument)
  open (newunit=unit, file=trim(argument), form="unformatted", access="stream", &
        status="replace", action="write")
  do step = 0, steps - 1
    call advance(step * time_step / day)
    write (unit) u
  end do
  close (unit)

contains

  ! The linear part: diffusion and relaxation, and the ascent of the mean upwelling.
  subroutine assemble()
    real(real64) :: mass(levels), conductance(levels - 1), ascent(levels), above, below
    integer :: k
    mass = (p_half(2:) - p_half(:levels)) / gravity
    ! rho K / dz between the levels, with rho = p / (g H)
    conductance = p_half(2:levels) / (gravity * scale_height) * diffusivity &
                  / (z(:levels - 1) - z(2:))
    lower = 0
    upper = 0
    main = 0
    upper(:levels - 1) = conductance / mass(:levels - 1)
    lower(2:) = conductance / mass(2:)
    do k = 1, levels
      above = 1 / (1 + exp(-(z(k) - semiannual_base) / semiannual_depth))
      below = 1 / (1 + exp(-(tropopause - z(k)) / tropopause_depth))
      rate(k) = above / (semiannual_time * day)
      main(k) = -lower(k) - upper(k) - rate(k) - below / (troposphere_time * day)
      ascent(k) = upwelling / (1 + exp(-(z(k) - tropopause) / tropopause_depth))
    end do
    call gradient(ascent)
  end subroutine assemble

  ! -w d/dz by centred differences of second order on uneven levels, one-sided at the ends.
  subroutine gradient(ascent)
    real(real64), intent(in) :: ascent(:)
    real(real64) :: before, after
    integer :: k
    ascent_lower = 0
    ascent_upper = 0
    ascent_main = 0
    before = z(2) - z(1)
    ascent_main(1) = ascent(1) / before
    ascent_upper(1) = -ascent(1) / before
    do k = 2, levels - 1
      before = z(k) - z(k - 1)
      after = z(k + 1) - z(k)
      ascent_lower(k) = ascent(k) * after / (before * (before + after))
      ascent_main(k) = -ascent(k) * (after - before) / (before * after)
      ascent_upper(k) = -ascent(k) * before / (after * (before + after))
    end do
    after = z(levels) - z(levels - 1)
    ascent_lower(levels) = ascent(levels) / after
    ascent_main(levels) = -ascent(levels) / after
  end subroutine gradient

  ! One step from a day on.
  subroutine advance(time)
    real(real64), intent(in) :: time
    real(real64) :: season, target(levels)
    wind_u(:, 1) = u + kelvin_amplitude * cos(2 * pi * (z / vertical_wavelength + time / kelvin_period))
    wind_v(:, 1) = rossby_gravity_amplitude &
                   * cos(2 * pi * (z / vertical_wavelength + time / rossby_gravity_period))
    call gwd_drag(1, wind_u, wind_v, profile, [surface_pressure], [latitude], du_dt, dv_dt, status)
    if (status /= 0) call stop_with(gwd_drag_message())
    season = 1 + annual_cycle * cos(2 * pi * time / year)
    target = semiannual_amplitude * exp(-max(z - 50e3_real64, 0.0_real64) / 15e3_real64) &
             * sin(4 * pi * (time + time_step / day) / year)
    forcing = u + time_step * (du_dt(:, 1) + rate * target)
    call solve(-time_step * (lower + season * ascent_lower), &
               1 - time_step * (main + season * ascent_main), &
               -time_step * (upper + season * ascent_upper), forcing)
    u = forcing
  end subroutine advance

  ! Solve a tridiagonal system by elimination; the right-hand side becomes the solution.
  subroutine solve(a, b, c, x)
    real(real64), intent(in) :: a(:), b(:), c(:)
    real(real64), intent(inout) :: x(:)
    real(real64) :: pivot(size(x))
    integer :: k
    pivot(1) = b(1)
    do k = 2, size(x)
      pivot(k) = b(k) - a(k) * c(k - 1) / pivot(k - 1)
      x(k) = x(k) - a(k) * x(k - 1) / pivot(k - 1)
    end do
    x(size(x)) = x(size(x)) / pivot(size(x))
    do k = size(x) - 1, 1, -1
      x(k) = (x(k) - c(k) * x(k + 1)) / pivot(k)
    end do
  end subroutine solve

  subroutine stop_with(text)
    character(len=*), intent(in) :: text
    write (error_unit, "(a)") text
    stop 1
  end subroutine stop_with

end program qbo
